"""What the live dashboard's and the reports' servers share: errors, access, safe headers, lists, pages, serving."""
