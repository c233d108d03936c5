output "role_arns" {
  description = "ARN of each function's role, by the function's name, such as archive_consumer."
  value       = { for function, role in aws_iam_role.function : function => role.arn }

  depends_on = [aws_iam_role_policy.function] # a mapping is refused while its role may not read the stream
}

output "role_names" {
  description = "Name of each function's role, by the function's name."
  value       = { for function, role in aws_iam_role.function : function => role.name }
}

output "analyst_policy_arn" {
  description = "ARN of the policy for SQL over the archive; attached to nobody."
  value       = aws_iam_policy.analyst.arn
}

output "operator_policy_arn" {
  description = "ARN of the policy for the command line and the pages; attached to nobody."
  value       = aws_iam_policy.operator.arn
}
