mock_provider "aws" {}

run "tables_are_encrypted_recoverable_and_protected" {
  command = plan

  assert {
    condition = alltrue([
      for table in [aws_dynamodb_table.positions, aws_dynamodb_table.geofences] :
      table.billing_mode == "PAY_PER_REQUEST" && table.server_side_encryption[0].enabled &&
      table.point_in_time_recovery[0].enabled && table.deletion_protection_enabled
    ])
    error_message = "on demand, encrypted, recoverable, protected"
  }

  assert {
    condition     = aws_dynamodb_table.positions.name == "truck-positions" && aws_dynamodb_table.positions.hash_key == "truck_id"
    error_message = "the table of latest positions"
  }

  assert {
    condition = (
      aws_dynamodb_table.geofences.hash_key == "pk" && aws_dynamodb_table.geofences.range_key == "sk" &&
      toset([for index in aws_dynamodb_table.geofences.global_secondary_index : index.name]) == toset(["alerts_by_day", "alerts_by_truck"])
    )
    error_message = "the keys and indexes that the functions use"
  }
}

run "recovery_can_be_switched_off" {
  command = plan

  variables {
    recovery_days = 0
  }

  assert {
    condition     = !aws_dynamodb_table.positions.point_in_time_recovery[0].enabled
    error_message = "off"
  }
}

run "recovery_is_checked" {
  command = plan

  variables {
    recovery_days = 36
  }

  expect_failures = [var.recovery_days]
}

run "names_are_checked" {
  command = plan

  variables {
    positions_table_name = "a b"
    geofences_table_name = "x"
  }

  expect_failures = [var.positions_table_name, var.geofences_table_name]
}

run "provisioned_tables_scale_from_their_units_on" {
  command = plan

  variables {
    capacity_mode = "PROVISIONED"
    units         = { positions_read = 48, positions_write = 49, geofences_read = 50, geofences_write = 51, indexes_write = 29 }
  }

  assert {
    condition     = aws_dynamodb_table.positions.billing_mode == "PROVISIONED" && aws_dynamodb_table.positions.write_capacity == 49
    error_message = "it starts with its units"
  }

  assert {
    condition     = alltrue([for index in aws_dynamodb_table.geofences.global_secondary_index : index.write_capacity == 29 && index.read_capacity == 5])
    error_message = "an index needs units of its own"
  }

  assert {
    condition = (
      aws_appautoscaling_target.this["geofences_write"].min_capacity == 51 &&
      aws_appautoscaling_target.this["geofences_write"].max_capacity == 510 &&
      length(aws_appautoscaling_policy.this) == 6
    )
    error_message = "both tables scale, reading and writing, and both indexes"
  }

  assert {
    condition = (
      aws_appautoscaling_target.this["alerts_by_day_write"].resource_id == "table/truck-geofences/index/alerts_by_day" &&
      aws_appautoscaling_target.this["alerts_by_truck_write"].scalable_dimension == "dynamodb:index:WriteCapacityUnits" &&
      aws_appautoscaling_target.this["alerts_by_truck_write"].min_capacity == 29
    )
    error_message = "an index short of units would hold up its table"
  }
}

run "on_demand_tables_need_no_scaling" {
  command = plan

  assert {
    condition     = length(aws_appautoscaling_target.this) == 0 && length(aws_appautoscaling_policy.this) == 0
    error_message = "DynamoDB does it"
  }
}

run "capacity_is_checked" {
  command = plan

  variables {
    capacity_mode  = "ON_DEMAND"
    units          = { positions_read = 0, positions_write = 5, geofences_read = 5, geofences_write = 5 }
    largest_factor = 0
    used_pct       = 100
  }

  expect_failures = [var.capacity_mode, var.units, var.largest_factor, var.used_pct]
}
