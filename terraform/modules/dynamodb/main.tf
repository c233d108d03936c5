# On-demand capacity by default: the load follows the fleet's working day, and a table that was provisioned for the night
# throttles in the morning. A fleet that drives day and night pays less than half for provisioned capacity that scales
# (`truckstream plan --capacity`). Keys and indexes are those that src/truckstream/aws reads and writes.

locals {
  provisioned  = var.capacity_mode == "PROVISIONED"
  billing_mode = local.provisioned ? "PROVISIONED" : "PAY_PER_REQUEST"

  positions = "table/${aws_dynamodb_table.positions.name}"
  geofences = "table/${aws_dynamodb_table.geofences.name}"

  # An index that is short of write units holds up every write of an alert to its table, so indexes scale with it.
  scaled = !local.provisioned ? {} : {
    positions_read        = { resource = local.positions, dimension = "Read", units = var.units.positions_read }
    positions_write       = { resource = local.positions, dimension = "Write", units = var.units.positions_write }
    geofences_read        = { resource = local.geofences, dimension = "Read", units = var.units.geofences_read }
    geofences_write       = { resource = local.geofences, dimension = "Write", units = var.units.geofences_write }
    alerts_by_day_write   = { resource = "${local.geofences}/index/alerts_by_day", dimension = "Write", units = var.units.indexes_write }
    alerts_by_truck_write = { resource = "${local.geofences}/index/alerts_by_truck", dimension = "Write", units = var.units.indexes_write }
  }
}

resource "aws_dynamodb_table" "positions" {
  name         = var.positions_table_name
  billing_mode = local.billing_mode
  # What it starts with; auto scaling moves it from there.
  read_capacity  = local.provisioned ? var.units.positions_read : null
  write_capacity = local.provisioned ? var.units.positions_write : null
  hash_key       = "truck_id"

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

  lifecycle {
    ignore_changes = [read_capacity, write_capacity]
  }

  # checkov:skip=CKV_AWS_119: the AWS-managed key encrypts; one of the customer's own would add a bill and no reader less
}

# Geofences, presence, alerts and outbox in one table, because one transaction has to span them.
resource "aws_dynamodb_table" "geofences" {
  name         = var.geofences_table_name
  billing_mode = local.billing_mode
  # What it starts with; auto scaling moves it from there.
  read_capacity  = local.provisioned ? var.units.geofences_read : null
  write_capacity = local.provisioned ? var.units.geofences_write : null
  hash_key       = "pk"
  range_key      = "sk"

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
    read_capacity   = local.provisioned ? var.units.indexes_read : null
    write_capacity  = local.provisioned ? var.units.indexes_write : null
  }

  global_secondary_index {
    name            = "alerts_by_truck"
    hash_key        = "truck_id"
    range_key       = "alert_place"
    projection_type = "ALL"
    read_capacity   = local.provisioned ? var.units.indexes_read : null
    write_capacity  = local.provisioned ? var.units.indexes_write : null
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

  # Not those of the indexes: ignored, they could not be given with a change of the capacity mode. Where auto scaling has
  # raised them, an apply sets them back, and auto scaling raises them again.
  lifecycle {
    ignore_changes = [read_capacity, write_capacity]
  }

  # checkov:skip=CKV_AWS_119: as for the positions
}

# Between what was planned and `largest_factor` times that, so that so much of it is used. A batch is written at once, and
# the average is what scales: DynamoDB lends a table what it did not use in the last five minutes.
resource "aws_appautoscaling_target" "this" {
  for_each = local.scaled

  service_namespace  = "dynamodb"
  resource_id        = each.value.resource
  scalable_dimension = "dynamodb:${strcontains(each.value.resource, "/index/") ? "index" : "table"}:${each.value.dimension}CapacityUnits"
  min_capacity       = each.value.units
  max_capacity       = each.value.units * var.largest_factor
  tags               = var.tags
}

resource "aws_appautoscaling_policy" "this" {
  for_each = local.scaled

  name               = "${replace(trimprefix(each.value.resource, "table/"), "/index/", "-")}-${lower(each.value.dimension)}"
  policy_type        = "TargetTrackingScaling"
  service_namespace  = aws_appautoscaling_target.this[each.key].service_namespace
  resource_id        = aws_appautoscaling_target.this[each.key].resource_id
  scalable_dimension = aws_appautoscaling_target.this[each.key].scalable_dimension

  target_tracking_scaling_policy_configuration {
    target_value = var.used_pct

    predefined_metric_specification {
      predefined_metric_type = "DynamoDB${each.value.dimension}CapacityUtilization"
    }
  }
}
