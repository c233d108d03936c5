variable "name" {
  description = "Name of the bucket; unique in all of AWS."
  type        = string

  validation {
    condition     = can(regex("^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$", var.name))
    error_message = "name must be 3 to 63 lower-case letters, digits, dots or hyphens."
  }
}

variable "account_id" {
  description = "The account that owns the bucket: 12 digits."
  type        = string

  validation {
    condition     = can(regex("^[0-9]{12}$", var.account_id))
    error_message = "account_id must be 12 digits."
  }
}

variable "force_destroy" {
  description = "Whether destroying the bucket also deletes what is in it."
  type        = bool
  default     = false
}

variable "versioning" {
  description = "Whether replaced and deleted objects are kept for noncurrent_days."
  type        = bool
  default     = true
}

variable "noncurrent_days" {
  description = "How many days a replaced or deleted object can be brought back: 1 to 3650."
  type        = number
  default     = 7

  validation {
    condition     = var.noncurrent_days >= 1 && var.noncurrent_days <= 3650
    error_message = "noncurrent_days must be between 1 and 3650."
  }
}

variable "intelligent_tiering_prefixes" {
  description = "Objects below these prefixes are stored as INTELLIGENT_TIERING."
  type        = set(string)
  default     = []
}

variable "expiration_days" {
  description = "Objects below a prefix are deleted after so many days; 0: never."
  type        = map(number)
  default     = {}

  validation {
    condition     = alltrue([for days in values(var.expiration_days) : days >= 0 && days <= 36500 && floor(days) == days])
    error_message = "expiration_days must be whole numbers from 0 (never) to 36500."
  }
}

variable "failed_batches_queue_name" {
  description = "Queue that is told of objects below aws/lambda/, where Lambda puts batches it gave up; empty: none."
  type        = string
  default     = ""
}

variable "tags" {
  description = "Tags of every resource."
  type        = map(string)
  default     = {}
}
