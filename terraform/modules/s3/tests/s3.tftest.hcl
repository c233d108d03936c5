mock_provider "aws" {
  mock_resource "aws_s3_bucket" {
    defaults = { arn = "arn:aws:s3:::gps-archive-123456789012" }
  }
  mock_resource "aws_sqs_queue" {
    defaults = {
      arn = "arn:aws:sqs:eu-central-1:123456789012:failed"
      url = "https://sqs.eu-central-1.amazonaws.com/123456789012/failed"
    }
  }
}

variables {
  name       = "gps-archive-123456789012"
  account_id = "123456789012"
}

run "a_bucket_is_private_encrypted_and_versioned" {
  command = apply

  assert {
    condition = (
      aws_s3_bucket_public_access_block.this.block_public_acls && aws_s3_bucket_public_access_block.this.block_public_policy &&
      aws_s3_bucket_public_access_block.this.ignore_public_acls && aws_s3_bucket_public_access_block.this.restrict_public_buckets
    )
    error_message = "no public access of any kind"
  }

  assert {
    condition     = aws_s3_bucket_versioning.this.versioning_configuration[0].status == "Enabled"
    error_message = "versioned"
  }

  assert {
    condition     = jsondecode(aws_s3_bucket_policy.this.policy).Statement[0].Condition.Bool["aws:SecureTransport"] == "false"
    error_message = "TLS only"
  }

  assert {
    condition     = length(aws_sqs_queue.failed_batches) == 0 && output.failed_batches_queue_name == ""
    error_message = "no queue unless asked for"
  }

  assert {
    condition     = !aws_s3_bucket.this.force_destroy
    error_message = "data is not destroyed with the bucket"
  }
}

run "rules_follow_the_prefixes" {
  command = plan

  variables {
    intelligent_tiering_prefixes = ["positions/"]
    expiration_days              = { "positions/" = 0, "aws/lambda/" = 90 }
  }

  assert {
    condition = toset([for rule in aws_s3_bucket_lifecycle_configuration.this.rule : rule.id]) == toset([
      "housekeeping", "intelligent-tiering-positions", "expire-aws-lambda",
    ])
    error_message = "0 days means never"
  }
}

run "failed_batches_are_told_to_the_queue" {
  command = apply

  variables {
    failed_batches_queue_name = "failed"
  }

  assert {
    condition     = aws_s3_bucket_notification.failed_batches[0].queue[0].filter_prefix == "aws/lambda/"
    error_message = "where Lambda writes"
  }

  assert {
    condition     = aws_sqs_queue.failed_batches[0].sqs_managed_sse_enabled && output.failed_batches_queue_name == "failed"
    error_message = "encrypted"
  }
}

run "names_are_checked" {
  command = plan

  variables {
    name       = "Archive"
    account_id = "12"
  }

  expect_failures = [var.name, var.account_id]
}

run "days_are_checked" {
  command = plan

  variables {
    noncurrent_days = 0
    expiration_days = { "positions/" = -1 }
  }

  expect_failures = [var.noncurrent_days, var.expiration_days]
}
