# The stream of positions. One shard takes 1 MB/s or 1,000 records/s; the partition key is the truck's id, so a truck's
# positions stay in order within their shard.
resource "aws_kinesis_stream" "this" {
  name             = var.name
  shard_count      = var.capacity_mode == "PROVISIONED" ? var.shard_count : null
  retention_period = var.retention_hours

  # The key that AWS manages for Kinesis: encrypted at rest, no key of one's own to pay and to look after.
  encryption_type = "KMS"
  kms_key_id      = var.kms_key_id

  # Off by default: each metric is billed per shard. Switch them on to find a hot shard.
  shard_level_metrics = var.shard_level_metrics

  stream_mode_details {
    stream_mode = var.capacity_mode
  }

  tags = var.tags
}

# Enhanced fan-out: 2 MB/s per shard for this consumer alone. Billed per shard-hour and GB, hence off unless asked for.
resource "aws_kinesis_stream_consumer" "fan_out" {
  for_each = var.fan_out_consumers

  name       = each.value
  stream_arn = aws_kinesis_stream.this.arn
}
