mock_provider "aws" {
  mock_resource "aws_glue_catalog_database" {
    defaults = { arn = "arn:aws:glue:eu-central-1:123456789012:database/truckstream" }
  }
}

variables {
  archive_bucket_name = "gps-archive-123456789012"
  results_bucket_name = "results"
  sql_folder          = "./tests/sql"
}

run "partitions_are_projected_from_the_path" {
  command = apply

  assert {
    condition = alltrue([
      for table in aws_glue_catalog_table.files :
      table.parameters["projection.enabled"] == "true" && table.parameters["projection.date.type"] == "date" &&
      table.parameters["projection.date.range"] == "2024-01-01,NOW+1DAYS"
    ])
    error_message = "no crawler"
  }

  assert {
    condition     = aws_glue_catalog_table.files["position_files"].parameters["storage.location.template"] == "s3://gps-archive-123456789012/positions/date=$${date}/"
    error_message = "the folders of the archive"
  }

  assert {
    condition     = output.catalog_arn == "arn:aws:glue:eu-central-1:123456789012:catalog"
    error_message = "the catalogue"
  }
}

run "views_hold_the_shared_texts" {
  command = plan

  assert {
    condition = jsondecode(base64decode(trimsuffix(trimprefix(
      aws_glue_catalog_table.view["positions"].view_original_text, "/* Presto View: "), " */")
    )).originalSql == file("./tests/sql/positions.sql")
    error_message = "the text of the folder"
  }
}

run "a_query_has_a_limit_and_encrypted_results" {
  command = plan

  assert {
    condition = (
      aws_athena_workgroup.this.configuration[0].bytes_scanned_cutoff_per_query == 100000000000 &&
      aws_athena_workgroup.this.configuration[0].enforce_workgroup_configuration
    )
    error_message = "100 GB"
  }

  assert {
    condition     = aws_athena_workgroup.this.configuration[0].result_configuration[0].encryption_configuration[0].encryption_option == "SSE_S3"
    error_message = "encrypted"
  }
}

run "a_missing_folder_says_what_to_do" {
  command = plan

  variables {
    sql_folder = "./nowhere"
  }

  expect_failures = [aws_glue_catalog_table.view]
}

run "values_are_checked" {
  command = plan

  variables {
    first_date     = "2024-13-01"
    scan_limit_gb  = 0
    database_name  = "Truck-Stream"
    workgroup_name = "a b"
  }

  expect_failures = [var.first_date, var.scan_limit_gb, var.database_name, var.workgroup_name]
}
