output "alerts_topic_arn" {
  description = "ARN of the topic of geofence alerts."
  value       = aws_sns_topic.alerts.arn
}

output "operations_topic_arn" {
  description = "ARN of the topic of alarms."
  value       = aws_sns_topic.operations.arn

  depends_on = [aws_sns_topic_policy.operations] # an alarm may fire at once
}

output "alerts_topic_name" {
  description = "Name of the topic of geofence alerts."
  value       = aws_sns_topic.alerts.name
}

output "key_arn" {
  description = "ARN of the key that encrypts the topics: who publishes has to use it."
  value       = aws_kms_key.topics.arn
}
