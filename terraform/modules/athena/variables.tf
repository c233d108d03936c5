variable "database_name" {
  description = "Name of the Glue database."
  type        = string
  default     = "truckstream"

  validation {
    condition     = can(regex("^[a-z0-9_]{1,128}$", var.database_name))
    error_message = "database_name must be 1 to 128 lower-case letters, digits or _."
  }
}

variable "workgroup_name" {
  description = "Name of the Athena workgroup."
  type        = string
  default     = "truckstream"

  validation {
    condition     = can(regex("^[A-Za-z0-9._-]{1,128}$", var.workgroup_name))
    error_message = "workgroup_name must be 1 to 128 letters, digits, or . _ - characters."
  }
}

variable "archive_bucket_name" {
  description = "The bucket of the archive."
  type        = string
}

variable "results_bucket_name" {
  description = "The bucket of query results; not the archive's, so that an analyst cannot write into it."
  type        = string
}

variable "first_date" {
  description = "The first date that queries look for: YYYY-MM-DD."
  type        = string
  default     = "2024-01-01"

  validation {
    condition     = can(regex("^[0-9]{4}-[0-9]{2}-[0-9]{2}$", var.first_date)) && can(formatdate("YYYY", "${var.first_date}T00:00:00Z"))
    error_message = "first_date must be a date like 2024-01-15."
  }
}

variable "scan_limit_gb" {
  description = "A query that would read more than so many GB is stopped: 0.01 to 10000. At 5 USD per TB, 100 GB cost 0.50 USD."
  type        = number
  default     = 100

  validation {
    condition     = var.scan_limit_gb >= 0.01 && var.scan_limit_gb <= 10000
    error_message = "scan_limit_gb must be between 0.01 and 10000."
  }
}

variable "sql_folder" {
  description = "Folder of positions.sql and hourly_stats.sql."
  type        = string
}

variable "force_destroy" {
  description = "Whether the workgroup may be destroyed with the queries that were run in it."
  type        = bool
  default     = true
}

variable "tags" {
  description = "Tags of every resource."
  type        = map(string)
  default     = {}
}
