output "name" {
  description = "Name of the stream."
  value       = aws_kinesis_stream.this.name
}

output "arn" {
  description = "ARN of the stream."
  value       = aws_kinesis_stream.this.arn
}

output "fan_out_arns" {
  description = "ARN of each registered fan-out consumer, by its name."
  value       = { for name, consumer in aws_kinesis_stream_consumer.fan_out : name => consumer.arn }
}
