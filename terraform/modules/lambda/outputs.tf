output "name" {
  description = "Name of the function."
  value       = aws_lambda_function.this.function_name
}

output "arn" {
  description = "ARN of the function."
  value       = aws_lambda_function.this.arn
}

output "log_group_name" {
  description = "Name of its log group."
  value       = aws_cloudwatch_log_group.this.name
}

output "mapping_id" {
  description = "Id of its event source mapping; null when it has none."
  value       = one(aws_lambda_event_source_mapping.stream[*].uuid)
}
