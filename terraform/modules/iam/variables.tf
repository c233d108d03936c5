variable "name_prefix" {
  description = "First part of the names of roles, functions and the policy."
  type        = string
  default     = "truckstream"

  validation {
    condition     = can(regex("^[A-Za-z0-9-]{1,40}$", var.name_prefix))
    error_message = "name_prefix must be 1 to 40 letters, digits or hyphens."
  }
}

variable "stream_arn" {
  description = "The stream of positions."
  type        = string

  validation {
    condition     = can(regex("^arn:aws[a-z-]*:kinesis:[a-z0-9-]+:[0-9]{12}:stream/.+$", var.stream_arn))
    error_message = "stream_arn must be the ARN of a Kinesis stream."
  }
}

variable "fan_out_arns" {
  description = "Enhanced fan-out consumers by name: dashboard, geofence or archive."
  type        = map(string)
  default     = {}

  validation {
    condition     = length(setsubtract(keys(var.fan_out_arns), ["dashboard", "geofence", "archive"])) == 0
    error_message = "fan_out_arns must be of the consumers dashboard, geofence or archive."
  }
}

variable "positions_table_arn" {
  description = "The table of latest positions."
  type        = string
}

variable "geofences_table_arn" {
  description = "The table of geofences, presence, alerts and outbox."
  type        = string
}

variable "bucket_arn" {
  description = "The bucket of the archive."
  type        = string

  validation {
    condition     = can(regex("^arn:aws[a-z-]*:s3:::[^/*]+$", var.bucket_arn))
    error_message = "bucket_arn must be the ARN of a bucket."
  }
}

variable "results_bucket_arn" {
  description = "The bucket of Athena's results."
  type        = string
}

variable "alerts_topic_arn" {
  description = "The topic of geofence alerts."
  type        = string
}

variable "topics_key_arn" {
  description = "The key that encrypts the topic."
  type        = string
}

variable "failed_invocations_queue_arn" {
  description = "The queue of scheduled invocations that failed for good."
  type        = string
}

variable "log_groups_arn" {
  description = "The ARN of the log groups up to the functions' names: arn:aws:logs:REGION:ACCOUNT:log-group:/aws/lambda."
  type        = string

  validation {
    condition     = can(regex("^arn:aws[a-z-]*:logs:[a-z0-9-]+:[0-9]{12}:log-group:/aws/lambda$", var.log_groups_arn))
    error_message = "log_groups_arn must be like arn:aws:logs:eu-central-1:123456789012:log-group:/aws/lambda."
  }
}

variable "workgroup_arn" {
  description = "The Athena workgroup."
  type        = string
}

variable "catalog_arn" {
  description = "The account's Glue catalogue."
  type        = string
}

variable "database_arn" {
  description = "The Glue database of the archive's tables."
  type        = string
}

variable "permissions_boundary_arn" {
  description = "A policy that bounds every role, where the organisation asks for one; null: none."
  type        = string
  default     = null
}

variable "tags" {
  description = "Tags of every resource."
  type        = map(string)
  default     = {}
}
