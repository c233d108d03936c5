# A private bucket: encrypted, TLS only, no public access, no ACLs, versioned, with rules for what ages.
resource "aws_s3_bucket" "this" {
  bucket        = var.name
  force_destroy = var.force_destroy
  tags          = var.tags

  # checkov:skip=CKV_AWS_18: server access logs would double the requests; CloudTrail data events do it where it is asked for
  # checkov:skip=CKV_AWS_144: one region by design; replication is an organisation's decision (docs/operations.md)
  # checkov:skip=CKV_AWS_145: S3's own keys (AES256) encrypt; nobody who may read the bucket would lack the other key
  # checkov:skip=CKV_AWS_21: versioning is a variable, true for the archive; query results can be made again
  # checkov:skip=CKV2_AWS_62: notifications only where somebody listens (variable failed_batches_queue_name)
}

resource "aws_s3_bucket_ownership_controls" "this" {
  bucket = aws_s3_bucket.this.id

  rule {
    object_ownership = "BucketOwnerEnforced"
  }
}

resource "aws_s3_bucket_public_access_block" "this" {
  bucket = aws_s3_bucket.this.id

  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_s3_bucket_server_side_encryption_configuration" "this" {
  bucket = aws_s3_bucket.this.id

  rule {
    apply_server_side_encryption_by_default {
      sse_algorithm = "AES256"
    }
  }
}

resource "aws_s3_bucket_versioning" "this" {
  bucket = aws_s3_bucket.this.id

  versioning_configuration {
    status = var.versioning ? "Enabled" : "Suspended"
  }
}

resource "aws_s3_bucket_policy" "this" {
  bucket = aws_s3_bucket.this.id

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "OnlyTls"
      Effect    = "Deny"
      Principal = "*"
      Action    = "s3:*"
      Resource  = [aws_s3_bucket.this.arn, "${aws_s3_bucket.this.arn}/*"]
      Condition = { Bool = { "aws:SecureTransport" = "false" } }
    }]
  })

  depends_on = [aws_s3_bucket_public_access_block.this] # S3 refuses two changes of a bucket at one time
}

resource "aws_s3_bucket_lifecycle_configuration" "this" {
  bucket = aws_s3_bucket.this.id

  rule {
    id     = "housekeeping"
    status = "Enabled"

    filter {}

    abort_incomplete_multipart_upload {
      days_after_initiation = 7
    }

    # What compaction replaced can be brought back for so long.
    noncurrent_version_expiration {
      noncurrent_days = var.noncurrent_days
    }

    # And then the mark that it was deleted: compaction leaves one for each file it merged, and every listing reads them all.
    expiration {
      expired_object_delete_marker = true
    }
  }

  dynamic "rule" {
    for_each = var.intelligent_tiering_prefixes

    content {
      id     = "intelligent-tiering-${trimsuffix(rule.value, "/")}"
      status = "Enabled"

      filter {
        prefix = rule.value
      }

      # The functions write this class already; the rule catches files that were copied in by hand.
      transition {
        days          = 0
        storage_class = "INTELLIGENT_TIERING"
      }
    }
  }

  dynamic "rule" {
    for_each = { for prefix, days in var.expiration_days : prefix => days if days > 0 }

    content {
      id     = rule.key == "" ? "expire-all" : "expire-${replace(trimsuffix(rule.key, "/"), "/", "-")}"
      status = "Enabled"

      filter {
        prefix = rule.key
      }

      expiration {
        days = rule.value
      }
    }
  }

  depends_on = [aws_s3_bucket_versioning.this]

  # checkov:skip=CKV_AWS_300: the first rule does, for every object; the check wants it in each rule of a dynamic block
}

# --- failed batches ---------------------------------------------------------------------------------------------
# Lambda writes a batch it gave up, whole, below aws/lambda/. The bucket tells this queue, so that the queue is the list
# of what is to be looked at, and its depth can be alarmed on.

resource "aws_sqs_queue" "failed_batches" {
  count = var.failed_batches_queue_name == "" ? 0 : 1

  name                      = var.failed_batches_queue_name
  message_retention_seconds = 1209600 # 14 days, the longest; the batches themselves stay longer
  sqs_managed_sse_enabled   = true
  tags                      = var.tags
}

resource "aws_sqs_queue_policy" "failed_batches" {
  count = length(aws_sqs_queue.failed_batches)

  queue_url = aws_sqs_queue.failed_batches[0].url
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid       = "BucketTells"
        Effect    = "Allow"
        Principal = { Service = "s3.amazonaws.com" }
        Action    = "sqs:SendMessage"
        Resource  = aws_sqs_queue.failed_batches[0].arn
        Condition = {
          ArnEquals    = { "aws:SourceArn" = aws_s3_bucket.this.arn }
          StringEquals = { "aws:SourceAccount" = var.account_id }
        }
      },
      {
        Sid       = "OnlyTls"
        Effect    = "Deny"
        Principal = "*"
        Action    = "sqs:*"
        Resource  = aws_sqs_queue.failed_batches[0].arn
        Condition = { Bool = { "aws:SecureTransport" = "false" } }
      },
    ]
  })
}

resource "aws_s3_bucket_notification" "failed_batches" {
  count = length(aws_sqs_queue.failed_batches)

  bucket = aws_s3_bucket.this.id

  queue {
    id            = "failed-batches"
    queue_arn     = aws_sqs_queue.failed_batches[0].arn
    events        = ["s3:ObjectCreated:*"]
    filter_prefix = "aws/lambda/"
  }

  depends_on = [aws_sqs_queue_policy.failed_batches] # S3 sends a test message at once
}
