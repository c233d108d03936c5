output "name" {
  description = "Name of the bucket."
  value       = aws_s3_bucket.this.bucket

  depends_on = [aws_s3_bucket_policy.this] # nobody writes before the rules are there
}

output "arn" {
  description = "ARN of the bucket."
  value       = aws_s3_bucket.this.arn
}

output "failed_batches_queue_name" {
  description = "Name of the queue of failed batches; empty when there is none."
  value       = one(aws_sqs_queue.failed_batches[*].name) == null ? "" : aws_sqs_queue.failed_batches[0].name
}

output "failed_batches_queue_url" {
  description = "URL of the queue of failed batches; empty when there is none."
  value       = one(aws_sqs_queue.failed_batches[*].url) == null ? "" : aws_sqs_queue.failed_batches[0].url
}
