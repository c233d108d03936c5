variable "name_prefix" {
  description = "First part of the names of alarms; the dashboard's name."
  type        = string
  default     = "truckstream"

  validation {
    condition     = can(regex("^[A-Za-z0-9-]{1,28}$", var.name_prefix))
    error_message = "name_prefix must be 1 to 28 letters, digits or hyphens."
  }
}

variable "region" {
  description = "Region of the metrics."
  type        = string
}

variable "stream_name" {
  description = "The stream of positions."
  type        = string
}

variable "function_names" {
  description = "Name of each function by what it does: dashboard_consumer, geofence_consumer, archive_consumer, ..."
  type        = map(string)

  validation {
    condition     = length(setsubtract(["dashboard_consumer", "geofence_consumer", "archive_consumer"], keys(var.function_names))) == 0
    error_message = "function_names must name the three consumers."
  }
}

variable "table_names" {
  description = "Name of each table by what it holds: positions, geofences."
  type        = map(string)

  validation {
    condition     = length(setsubtract(["positions", "geofences"], keys(var.table_names))) == 0
    error_message = "table_names must name the tables of positions and geofences."
  }
}

variable "index_names" {
  description = "Indexes of the geofences' table."
  type        = set(string)
  default     = []
}

variable "queue_names" {
  description = "Name of each queue of given-up work: failed-batches, failed-invocations (also the runbooks' anchors)."
  type        = map(string)
}

variable "bucket_name" {
  description = "The bucket of the archive."
  type        = string
}

variable "alerts_topic_name" {
  description = "The topic of geofence alerts."
  type        = string
}

variable "workgroup_name" {
  description = "The Athena workgroup."
  type        = string
}

variable "operations_topic_arn" {
  description = "The topic that is told when an alarm changes."
  type        = string
}

variable "runbook_url" {
  description = "Where docs/operations.md is, for the alarms' descriptions."
  type        = string
  default     = "docs/operations.md"
}

variable "iterator_age_alarm_s" {
  description = "A consumer may be so many seconds behind the stream: 10 to 86400."
  type        = number
  default     = 180

  validation {
    condition     = var.iterator_age_alarm_s >= 10 && var.iterator_age_alarm_s <= 86400
    error_message = "iterator_age_alarm_s must be between 10 and 86400."
  }
}

variable "outbox_age_alarm_s" {
  description = "An alert may wait so many seconds to be sent: 60 to 86400."
  type        = number
  default     = 300

  validation {
    condition     = var.outbox_age_alarm_s >= 60 && var.outbox_age_alarm_s <= 86400
    error_message = "outbox_age_alarm_s must be between 60 and 86400."
  }
}

variable "rejected_alarm_pct" {
  description = "So many per cent of the records may break a rule: 0 to 100."
  type        = number
  default     = 1

  validation {
    condition     = var.rejected_alarm_pct >= 0 && var.rejected_alarm_pct <= 100
    error_message = "rejected_alarm_pct must be between 0 and 100."
  }
}

variable "monthly_charges_alarm_usd" {
  description = "Tell when the account's charges of the month pass 80 % of this, or are estimated to pass it, in USD; 0: never."
  type        = number
  default     = 0

  validation {
    condition     = var.monthly_charges_alarm_usd >= 0
    error_message = "monthly_charges_alarm_usd must be 0 (off) or more."
  }
}

variable "other_alarm_arns" {
  description = "Alarms of other modules, to be shown on the dashboard with ours."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for arn in var.other_alarm_arns : can(regex("^arn:aws[a-z-]*:cloudwatch:", arn))])
    error_message = "other_alarm_arns must be ARNs of CloudWatch alarms."
  }
}

variable "tracing_sampling_pct" {
  description = "Share of the invocations that X-Ray is asked to record beyond one a second, in per cent; 0: no tracing. AWS states that Lambda keeps to its own 5."
  type        = number
  default     = 5

  validation {
    condition     = var.tracing_sampling_pct >= 0 && var.tracing_sampling_pct <= 100
    error_message = "tracing_sampling_pct must be between 0 and 100."
  }
}

variable "tags" {
  description = "Tags of every resource."
  type        = map(string)
  default     = {}
}
