variable "name_prefix" {
  description = "Begins the names of the rule, roles, policy and queue."
  type        = string
  default     = "truckstream"

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,30}$", var.name_prefix))
    error_message = "name_prefix must be 2 to 31 small letters, digits or -, and begin with a letter."
  }
}

variable "account_id" {
  description = "The account that owns it all: 12 digits."
  type        = string

  validation {
    condition     = can(regex("^[0-9]{12}$", var.account_id))
    error_message = "account_id must be 12 digits."
  }
}

variable "region" {
  description = "The region, such as eu-central-1."
  type        = string

  validation {
    condition     = can(regex("^[a-z]{2}(-[a-z]+)+-[0-9]$", var.region))
    error_message = "region must be a region's name, such as eu-central-1."
  }
}

variable "partition" {
  description = "aws, aws-cn or aws-us-gov."
  type        = string
  default     = "aws"

  validation {
    condition     = contains(["aws", "aws-cn", "aws-us-gov"], var.partition)
    error_message = "partition must be aws, aws-cn or aws-us-gov."
  }
}

variable "stream_name" {
  description = "The stream that takes the positions."
  type        = string

  validation {
    condition     = can(regex("^[A-Za-z0-9_.-]{1,128}$", var.stream_name))
    error_message = "stream_name must be 1 to 128 letters, digits, or _ . - characters."
  }
}

variable "stream_arn" {
  description = "Its ARN."
  type        = string

  validation {
    condition     = can(regex("^arn:aws[a-z-]*:kinesis:[a-z0-9-]+:[0-9]{12}:stream/", var.stream_arn))
    error_message = "stream_arn must be the ARN of a Kinesis stream."
  }
}

variable "stream_key_arn" {
  description = "The KMS key of the stream, if it is one of your own; null for the one AWS manages."
  type        = string
  default     = null

  validation {
    condition     = var.stream_key_arn == null || can(regex("^arn:aws[a-z-]*:kms:", var.stream_key_arn))
    error_message = "stream_key_arn must be the ARN of a KMS key, or null."
  }
}

variable "topic" {
  description = "First part of the MQTT topics: trucks publish to TOPIC/TRUCK/positions."
  type        = string
  default     = "trucks"

  validation {
    condition     = can(regex("^[A-Za-z0-9_-]{1,64}$", var.topic))
    error_message = "topic must be one level of 1 to 64 letters, digits, _ or -: the rule takes the truck from the second."
  }
}

variable "enabled" {
  description = "Whether the rule is on. Off, what trucks publish is lost: they get their acknowledgement all the same."
  type        = bool
  default     = true
}

variable "single_json_only" {
  description = <<-END
    Take only messages that are one JSON object and name the truck that sent them, and drop others. Off: any payload the
    consumers read (JSON, NDJSON, gzip), and a truck is trusted to name itself.
  END
  type        = bool
  default     = false
}

variable "truck_certificates" {
  description = <<-END
    ARN of each truck's certificate, by the truck's id: makes the thing and attaches both. Certificates and their private keys are
    made elsewhere, so that no key is in the state. Large fleets: fleet provisioning with the output policy_name.
  END
  type        = map(string)
  default     = {}

  validation {
    condition     = alltrue([for truck in keys(var.truck_certificates) : can(regex("^[A-Za-z0-9_:-]{1,64}$", truck))])
    error_message = "truck_certificates: a truck's id must be 1 to 64 letters, digits, _ : or - characters (IoT takes no dot in a thing's name)."
  }

  validation {
    condition     = alltrue([for arn in values(var.truck_certificates) : can(regex("^arn:aws[a-z-]*:iot:[a-z0-9-]+:[0-9]{12}:cert/[0-9a-f]{64}$", arn))])
    error_message = "truck_certificates must be ARNs of IoT certificates."
  }

  validation {
    condition     = length(distinct(values(var.truck_certificates))) == length(var.truck_certificates)
    error_message = "truck_certificates: each truck needs a certificate of its own, or one could publish as another."
  }
}

variable "messages_per_minute_alarm" {
  description = "More messages than so many in each of three minutes raise an alarm."
  type        = number
  default     = 60000

  validation {
    condition     = var.messages_per_minute_alarm >= 1
    error_message = "messages_per_minute_alarm must be at least 1."
  }
}

variable "operations_topic_arn" {
  description = "Topic that alarms go to; null: they are only shown."
  type        = string
  default     = null

  validation {
    condition     = var.operations_topic_arn == null || can(regex("^arn:aws[a-z-]*:sns:", var.operations_topic_arn))
    error_message = "operations_topic_arn must be the ARN of an SNS topic, or null."
  }
}

variable "runbook_url" {
  description = "Where the runbooks are; alarms link to them."
  type        = string
  default     = "docs/operations.md"
}

variable "account_log_level" {
  description = "IoT's log level for the whole account and region: ERROR, WARN, INFO, DEBUG or DISABLED; null leaves it as it is."
  type        = string
  default     = null

  validation {
    condition     = var.account_log_level == null || contains(["ERROR", "WARN", "INFO", "DEBUG", "DISABLED"], coalesce(var.account_log_level, "-"))
    error_message = "account_log_level must be ERROR, WARN, INFO, DEBUG or DISABLED, or null."
  }
}

variable "permissions_boundary_arn" {
  description = "Permissions boundary of the roles; null: none."
  type        = string
  default     = null
}

variable "tags" {
  description = "Tags of every resource."
  type        = map(string)
  default     = {}
}
