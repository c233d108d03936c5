variable "name" {
  description = "Name of the stream."
  type        = string
  default     = "gps-coordinates-stream"

  validation {
    condition     = can(regex("^[A-Za-z0-9_.-]{1,128}$", var.name))
    error_message = "name must be 1 to 128 letters, digits, or _ . - characters."
  }
}

variable "capacity_mode" {
  description = "PROVISIONED (shard_count shards) or ON_DEMAND (Kinesis adds and removes shards by itself)."
  type        = string
  default     = "PROVISIONED"

  validation {
    condition     = contains(["PROVISIONED", "ON_DEMAND"], var.capacity_mode)
    error_message = "capacity_mode must be PROVISIONED or ON_DEMAND."
  }
}

variable "shard_count" {
  description = "Shards of a provisioned stream. Kinesis allows at most a doubling or a halving at a time."
  type        = number
  default     = 4

  validation {
    condition     = var.shard_count >= 1 && var.shard_count <= 10000 && floor(var.shard_count) == var.shard_count
    error_message = "shard_count must be a whole number from 1 to 10000."
  }
}

variable "retention_hours" {
  description = "How long the stream keeps a record, in hours: 24 (default) to 8760 (365 days)."
  type        = number
  default     = 24

  validation {
    condition     = var.retention_hours >= 24 && var.retention_hours <= 8760
    error_message = "retention_hours must be between 24 and 8760."
  }
}

variable "kms_key_id" {
  description = "Key that encrypts the stream: an alias, an id or an ARN."
  type        = string
  default     = "alias/aws/kinesis"
}

variable "shard_level_metrics" {
  description = "Metrics to be kept per shard, such as IncomingBytes; billed per shard and metric."
  type        = set(string)
  default     = []

  validation {
    condition = length(setsubtract(var.shard_level_metrics, [
      "IncomingBytes", "IncomingRecords", "OutgoingBytes", "OutgoingRecords", "WriteProvisionedThroughputExceeded",
      "ReadProvisionedThroughputExceeded", "IteratorAgeMilliseconds",
    ])) == 0
    error_message = "shard_level_metrics must be names of Kinesis shard metrics, such as IncomingBytes."
  }
}

variable "fan_out_consumers" {
  description = "Consumers with enhanced fan-out: a connection of their own with 2 MB/s per shard."
  type        = set(string)
  default     = []

  validation {
    condition     = length(var.fan_out_consumers) <= 20
    error_message = "fan_out_consumers must be at most 20: Kinesis registers no more per stream."
  }
}

variable "tags" {
  description = "Tags of every resource."
  type        = map(string)
  default     = {}
}
