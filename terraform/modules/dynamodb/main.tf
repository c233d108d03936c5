# On-demand capacity: the load follows the fleet's working day, and a table that was provisioned for the night
# throttles in the morning. Keys and indexes are those that src/truckstream/aws reads and writes.

resource "aws_dynamodb_table" "positions" {
  name         = var.positions_table_name
  billing_mode = "PAY_PER_REQUEST"
  hash_key     = "truck_id"

  attribute {
    name = "truck_id"
    type = "S"
  }

  server_side_encryption {
    enabled = true # the key that AWS manages for DynamoDB: its use is in CloudTrail, the "owned" default's is not
  }

  point_in_time_recovery {
    enabled                 = var.recovery_days > 0
    recovery_period_in_days = var.recovery_days > 0 ? var.recovery_days : null
  }

  deletion_protection_enabled = var.deletion_protection
  tags                        = var.tags

  # checkov:skip=CKV_AWS_119: the AWS-managed key encrypts; one of the customer's own would add a bill and no reader less
}

# Geofences, presence, alerts and outbox in one table, because one transaction has to span them.
resource "aws_dynamodb_table" "geofences" {
  name         = var.geofences_table_name
  billing_mode = "PAY_PER_REQUEST"
  hash_key     = "pk"
  range_key    = "sk"

  dynamic "attribute" {
    for_each = toset(["pk", "sk", "truck_id", "alert_day", "alert_place"])

    content {
      name = attribute.value
      type = "S"
    }
  }

  # Only alerts have these attributes, so only alerts are in the indexes.
  global_secondary_index {
    name            = "alerts_by_day"
    hash_key        = "alert_day"
    range_key       = "alert_place"
    projection_type = "ALL"
  }

  global_secondary_index {
    name            = "alerts_by_truck"
    hash_key        = "truck_id"
    range_key       = "alert_place"
    projection_type = "ALL"
  }

  server_side_encryption {
    enabled = true
  }

  point_in_time_recovery {
    enabled                 = var.recovery_days > 0
    recovery_period_in_days = var.recovery_days > 0 ? var.recovery_days : null
  }

  deletion_protection_enabled = var.deletion_protection
  tags                        = var.tags

  # checkov:skip=CKV_AWS_119: as for the positions
}
