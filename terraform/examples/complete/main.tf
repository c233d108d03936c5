# Every option once: a production fleet with its own names, fan-out, receivers, budget and state in a bucket.
terraform {
  required_version = ">= 1.5"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.100, < 7.0"
    }
  }

  # The state names every resource: keep it where two people cannot apply at once. `terraform init -backend-config=...`,
  # see docs/operations.md#remote-state.
  # backend "s3" {}
}

provider "aws" {
  region = "eu-central-1"

  default_tags {
    tags = { owner = "fleet-platform" }
  }
}

variable "packages_folder" {
  description = "Folder of the packages; null: dist in the repository."
  type        = string
  default     = null
}

variable "architecture" {
  description = "Machine the packages were built for."
  type        = string
  default     = "arm64"
}

variable "deletion_protection" {
  description = "Set to false and apply before a destroy."
  type        = bool
  default     = true
}

variable "first_date" {
  description = "The first date that Athena looks for."
  type        = string
  default     = "2026-01-01"
}

# A receiver of alerts: a queue that takes exits only, as the alerts' own JSON.
resource "aws_sqs_queue" "dispatch" {
  name                    = "dispatch"
  sqs_managed_sse_enabled = true
}

resource "aws_sqs_queue_policy" "dispatch" {
  queue_url = aws_sqs_queue.dispatch.url

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "sns.amazonaws.com" }
      Action    = "sqs:SendMessage"
      Resource  = aws_sqs_queue.dispatch.arn
      Condition = { ArnEquals = { "aws:SourceArn" = module.truckstream.alerts_topic_arn } }
    }]
  })
}

module "truckstream" {
  source = "../.."

  shard_count       = 4
  retention_hours   = 168
  fan_out_consumers = ["dashboard"]
  archive_window_s  = 120

  # Positions and alerts within half a minute, on capacity that scales: what `truckstream plan --trucks 1000` says.
  dashboard_window_s   = 30
  geofence_window_s    = 30
  parallelization      = 2
  consumers_memory_mb  = 1769
  tables_capacity_mode = "PROVISIONED"
  tables_units         = { positions_read = 48, positions_write = 48, geofences_read = 48, geofences_write = 50 }

  ingest_enabled = true # trucks send by MQTT, each with its certificate

  packages_folder          = var.packages_folder
  architecture             = var.architecture
  log_level                = "INFO"
  log_retention_days       = 90
  simulated_trucks         = 0
  position_at_most_every_s = 30

  archive_retention_days   = 1096 # three years
  set_aside_retention_days = 90
  recovery_days            = 35
  deletion_protection      = var.deletion_protection

  operations_emails         = ["oncall@example.com"]
  monthly_charges_alarm_usd = 150
  runbook_url               = "https://git.example.com/fleet/truckstream/docs/operations.md"
  tracing_sampling_pct      = 1

  alert_subscriptions = {
    dispatch = {
      protocol = "sqs"
      endpoint = aws_sqs_queue.dispatch.arn
      filter   = { alert_type = ["exit"] }
    }
  }

  first_date    = var.first_date
  scan_limit_gb = 50

  tags = {
    environment = "production"
    cost-center = "fleet"
  }
}

output "environment" {
  description = "What the command line needs to know."
  value       = module.truckstream.environment
}

output "dashboard_url" {
  description = "The dashboard in the console."
  value       = module.truckstream.dashboard_url
}

output "ingest_endpoint" {
  description = "Host that trucks connect to."
  value       = module.truckstream.ingest_endpoint
}
