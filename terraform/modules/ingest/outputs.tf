output "endpoint" {
  description = "Host that trucks connect to, port 8883, MQTT over TLS with their certificate."
  value       = data.aws_iot_endpoint.data.endpoint_address
}

output "topic" {
  description = "Topic that a truck publishes to; {truck_id} is its thing's name and its MQTT client id."
  value       = "${var.topic}/{truck_id}/positions"
}

output "policy_name" {
  description = "Policy to attach to a truck's certificate, by hand or in a fleet provisioning template."
  value       = aws_iot_policy.truck.name
}

output "thing_type_name" {
  description = "Type of the things that are trucks."
  value       = aws_iot_thing_type.truck.name
}

output "rule_name" {
  description = "Name of the rule."
  value       = aws_iot_topic_rule.positions.name
}

output "failed_queue_name" {
  description = "Queue of messages that did not reach the stream."
  value       = aws_sqs_queue.failed.name
}

output "role_arn" {
  description = "Role of the rule."
  value       = aws_iam_role.rule.arn
}

output "alarm_names" {
  description = "Names of the alarms."
  value       = [aws_cloudwatch_metric_alarm.failed.alarm_name, aws_cloudwatch_metric_alarm.flood.alarm_name]
}

output "alarm_arns" {
  description = "ARNs of the alarms, for a dashboard."
  value       = [aws_cloudwatch_metric_alarm.failed.arn, aws_cloudwatch_metric_alarm.flood.arn]
}
