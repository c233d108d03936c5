output "positions_table_name" {
  description = "Name of the table of latest positions."
  value       = aws_dynamodb_table.positions.name
}

output "positions_table_arn" {
  description = "ARN of the table of latest positions."
  value       = aws_dynamodb_table.positions.arn
}

output "geofences_table_name" {
  description = "Name of the table of geofences, presence, alerts and outbox."
  value       = aws_dynamodb_table.geofences.name
}

output "geofences_table_arn" {
  description = "ARN of the table of geofences, presence, alerts and outbox."
  value       = aws_dynamodb_table.geofences.arn
}

output "index_names" {
  description = "Names of the indexes of the table of geofences."
  value       = ["alerts_by_day", "alerts_by_truck"]
}
