variable "name" {
  description = "Name of the function."
  type        = string

  validation {
    condition     = can(regex("^[A-Za-z0-9_-]{1,64}$", var.name))
    error_message = "name must be 1 to 64 letters, digits, _ or -."
  }
}

variable "description" {
  description = "What the function does, in a line."
  type        = string
  default     = ""
}

variable "package" {
  description = "Path of the zip that scripts/build.sh made."
  type        = string
}

variable "handler" {
  description = "Module and function, such as truckstream.aws.handlers.archive_consumer."
  type        = string

  validation {
    condition     = can(regex("^[A-Za-z_][A-Za-z0-9_.]*\\.[A-Za-z_][A-Za-z0-9_]*$", var.handler))
    error_message = "handler must be module.function."
  }
}

variable "architecture" {
  description = "arm64 or x86_64: the machine the package was built for."
  type        = string
  default     = "arm64"

  validation {
    condition     = contains(["arm64", "x86_64"], var.architecture)
    error_message = "architecture must be arm64 or x86_64."
  }
}

variable "role_arn" {
  description = "Role the function runs as."
  type        = string
}

variable "memory_mb" {
  description = "Memory in MB, 128 to 10240; the share of a CPU follows it."
  type        = number
  default     = 512

  validation {
    condition     = var.memory_mb >= 128 && var.memory_mb <= 10240
    error_message = "memory_mb must be between 128 and 10240."
  }
}

variable "timeout_s" {
  description = "Longest invocation in seconds, 1 to 900."
  type        = number
  default     = 60

  validation {
    condition     = var.timeout_s >= 1 && var.timeout_s <= 900
    error_message = "timeout_s must be between 1 and 900."
  }
}

variable "reserved_concurrency" {
  description = "Invocations at one time, at most; -1: as many as the account allows."
  type        = number
  default     = -1

  validation {
    condition     = var.reserved_concurrency >= -1
    error_message = "reserved_concurrency must be -1 (not reserved) or more."
  }
}

variable "environment" {
  description = "Environment variables."
  type        = map(string)
  default     = {}
}

variable "asynchronous" {
  description = <<-END
    What becomes of invocations nobody waits for, such as a schedule's; null: the function has none.

    on_failure_arn  queue for those that failed for good, after Lambda's two retries
    maximum_age_s   an event that could not be run for so long is given up, 60 to 21600
  END
  type = object({
    on_failure_arn = string
    maximum_age_s  = optional(number, 3600)
  })
  default = null

  validation {
    condition     = var.asynchronous == null ? true : var.asynchronous.maximum_age_s >= 60 && var.asynchronous.maximum_age_s <= 21600
    error_message = "asynchronous.maximum_age_s must be between 60 and 21600."
  }
}

variable "tracing_mode" {
  description = "Active: X-Ray traces a sample of the invocations. PassThrough: none of them."
  type        = string
  default     = "Active"

  validation {
    condition     = contains(["Active", "PassThrough"], var.tracing_mode)
    error_message = "tracing_mode must be Active or PassThrough."
  }
}

variable "log_retention_days" {
  description = "How many days log lines are kept: one of the values CloudWatch takes."
  type        = number
  default     = 30

  validation {
    condition     = contains([1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653], var.log_retention_days)
    error_message = "log_retention_days must be 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288 or 3653."
  }
}

variable "stream" {
  description = <<-END
    The Kinesis stream that feeds the function; null: none.

    arn                   the stream
    fan_out_arn           its enhanced fan-out consumer, if it has one
    on_failure_arn        bucket (or queue) for batches that are given up
    batch_size            records per invocation, at most; 6 MB is the other limit
    window_s              how long a batch may take to fill
    parallelization       invocations per shard at one time
    retry_attempts        tries after the first
    maximum_record_age_s  older records are given up
  END
  type = object({
    arn                  = string
    fan_out_arn          = optional(string)
    on_failure_arn       = string
    batch_size           = optional(number, 500)
    window_s             = optional(number, 1)
    parallelization      = optional(number, 1)
    retry_attempts       = optional(number, 3)
    maximum_record_age_s = optional(number, 82800)
  })
  default = null

  validation {
    condition     = var.stream == null ? true : var.stream.batch_size >= 1 && var.stream.batch_size <= 10000
    error_message = "stream.batch_size must be between 1 and 10000."
  }

  validation {
    condition     = var.stream == null ? true : var.stream.window_s >= 0 && var.stream.window_s <= 300
    error_message = "stream.window_s must be between 0 and 300."
  }

  validation {
    condition     = var.stream == null ? true : var.stream.parallelization >= 1 && var.stream.parallelization <= 10
    error_message = "stream.parallelization must be between 1 and 10."
  }

  validation {
    condition     = var.stream == null ? true : var.stream.retry_attempts >= 0 && var.stream.retry_attempts <= 10000
    error_message = "stream.retry_attempts must be between 0 and 10000: endless tries would block the shard."
  }

  validation {
    condition     = var.stream == null ? true : var.stream.maximum_record_age_s >= 60 && var.stream.maximum_record_age_s <= 604800
    error_message = "stream.maximum_record_age_s must be between 60 and 604800."
  }
}

variable "tags" {
  description = "Tags of every resource."
  type        = map(string)
  default     = {}
}
