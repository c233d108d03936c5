variable "alerts_topic_name" {
  description = "Name of the topic of geofence alerts."
  type        = string
  default     = "truckstream-alerts"

  validation {
    condition     = can(regex("^[A-Za-z0-9_-]{1,256}$", var.alerts_topic_name))
    error_message = "alerts_topic_name must be 1 to 256 letters, digits, _ or -."
  }
}

variable "operations_topic_name" {
  description = "Name of the topic of alarms."
  type        = string
  default     = "truckstream-operations"

  validation {
    condition     = can(regex("^[A-Za-z0-9_-]{1,249}$", var.operations_topic_name))
    error_message = "operations_topic_name must be 1 to 249 letters, digits, _ or -."
  }
}

variable "account_id" {
  description = "The account that owns the topics: 12 digits."
  type        = string

  validation {
    condition     = can(regex("^[0-9]{12}$", var.account_id))
    error_message = "account_id must be 12 digits."
  }
}

variable "partition" {
  description = "aws, aws-cn or aws-us-gov."
  type        = string
  default     = "aws"
}

variable "key_deletion_days" {
  description = "How many days the key can be brought back after its deletion: 7 to 30."
  type        = number
  default     = 30

  validation {
    condition     = var.key_deletion_days >= 7 && var.key_deletion_days <= 30
    error_message = "key_deletion_days must be between 7 and 30."
  }
}

variable "operations_emails" {
  description = "Addresses that receive alarms; each has to confirm by a link."
  type        = set(string)
  default     = []

  validation {
    condition     = alltrue([for address in var.operations_emails : can(regex("^[^@\\s]+@[^@\\s]+\\.[^@\\s]+$", address))])
    error_message = "operations_emails must be e-mail addresses."
  }
}

variable "alert_subscriptions" {
  description = <<-END
    Receivers of geofence alerts, by a name of your choice. `filter` chooses by the message attributes truck_id, geofence_id,
    alert_type and late, such as { alert_type = ["exit"] }. `role_arn`: what SNS writes to a delivery stream as, for firehose alone.
  END
  type = map(object({
    protocol = string
    endpoint = string
    filter   = optional(map(list(string)), {})
    raw      = optional(bool, true)
    role_arn = optional(string)
  }))
  default = {}

  validation {
    condition = alltrue([
      for each in values(var.alert_subscriptions) : contains(["https", "sqs", "lambda", "email", "sms", "firehose"], each.protocol)
    ])
    error_message = "alert_subscriptions: protocol must be https, sqs, lambda, email, sms or firehose; http is not encrypted."
  }

  validation {
    condition     = alltrue([for each in values(var.alert_subscriptions) : (each.protocol == "firehose") == (each.role_arn != null)])
    error_message = "alert_subscriptions: firehose needs role_arn, and no other protocol takes one."
  }

  validation {
    condition = alltrue(flatten([
      for each in values(var.alert_subscriptions) : [
        for attribute in keys(each.filter) : contains(["truck_id", "geofence_id", "alert_type", "late"], attribute)
      ]
    ]))
    error_message = "alert_subscriptions: filter must use truck_id, geofence_id, alert_type or late."
  }
}

variable "tags" {
  description = "Tags of every resource."
  type        = map(string)
  default     = {}
}
