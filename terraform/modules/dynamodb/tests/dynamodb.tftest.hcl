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
