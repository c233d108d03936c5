output "rule_names" {
  description = "Name of each rule, by the schedule's name."
  value       = { for key, rule in aws_cloudwatch_event_rule.this : key => rule.name }
}

output "failed_invocations_queue_arn" {
  description = "ARN of the queue of failed invocations."
  value       = aws_sqs_queue.failed_invocations.arn
}

output "failed_invocations_queue_name" {
  description = "Name of the queue of failed invocations."
  value       = aws_sqs_queue.failed_invocations.name
}

output "failed_invocations_queue_url" {
  description = "URL of the queue of failed invocations."
  value       = aws_sqs_queue.failed_invocations.url
}
