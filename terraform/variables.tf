# --- names ------------------------------------------------------------------------------------------------------

variable "name_prefix" {
  description = "First part of the names of functions, roles, queues, alarms. One stack per account and region: metrics have one namespace."
  type        = string
  default     = "truckstream"

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{0,27}$", var.name_prefix))
    error_message = "name_prefix must be 1 to 28 lower-case letters, digits or hyphens, a letter first."
  }
}

variable "stream_name" {
  description = "Name of the Kinesis stream of positions."
  type        = string
  default     = "gps-coordinates-stream"
}

variable "positions_table_name" {
  description = "Name of the DynamoDB table of latest positions."
  type        = string
  default     = "truck-positions"
}

variable "geofences_table_name" {
  description = "Name of the DynamoDB table of geofences, presence, alerts and outbox."
  type        = string
  default     = "truck-geofences"
}

variable "archive_bucket_name" {
  description = "Name of the archive's bucket; null: gps-archive-ACCOUNT_ID."
  type        = string
  default     = null
}

variable "tags" {
  description = "Tags of every resource, beside application = truckstream."
  type        = map(string)
  default     = {}
}

# --- stream -----------------------------------------------------------------------------------------------------

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
  description = "Shards of a provisioned stream: each takes 1 MB/s or 1,000 records/s."
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

variable "fan_out_consumers" {
  description = "Consumers with enhanced fan-out: dashboard, geofence, archive. Off by default: three readers share 2 MB/s per shard easily."
  type        = set(string)
  default     = []

  validation {
    condition     = length(setsubtract(var.fan_out_consumers, ["dashboard", "geofence", "archive"])) == 0
    error_message = "fan_out_consumers must be dashboard, geofence or archive."
  }
}

variable "archive_window_s" {
  description = "How long the archive consumer collects before it writes a file, in seconds: 0 to 300. Longer: fewer, larger files, later."
  type        = number
  default     = 60

  validation {
    condition     = var.archive_window_s >= 0 && var.archive_window_s <= 300
    error_message = "archive_window_s must be between 0 and 300."
  }
}

variable "dashboard_window_s" {
  description = "How long the dashboard consumer collects a batch, in seconds: 0 to 300. A truck is read and written once per batch: longer is cheaper, and the map older."
  type        = number
  default     = 1

  validation {
    condition     = var.dashboard_window_s >= 0 && var.dashboard_window_s <= 300
    error_message = "dashboard_window_s must be between 0 and 300."
  }
}

variable "geofence_window_s" {
  description = "How long the geofence consumer collects a batch, in seconds: 0 to 300. Longer is cheaper, and alerts come later."
  type        = number
  default     = 1

  validation {
    condition     = var.geofence_window_s >= 0 && var.geofence_window_s <= 300
    error_message = "geofence_window_s must be between 0 and 300."
  }
}

variable "parallelization" {
  description = "Batches of one shard that a consumer works on at one time: 1 to 10. Positions of one partition key stay in order."
  type        = number
  default     = 1

  validation {
    condition     = var.parallelization >= 1 && var.parallelization <= 10 && floor(var.parallelization) == var.parallelization
    error_message = "parallelization must be a whole number from 1 to 10."
  }
}

# --- tables -----------------------------------------------------------------------------------------------------

variable "tables_capacity_mode" {
  description = "PAY_PER_REQUEST, or PROVISIONED: capacity that scales, at less than half the price for a fleet that drives all day."
  type        = string
  default     = "PAY_PER_REQUEST"

  validation {
    condition     = contains(["PAY_PER_REQUEST", "PROVISIONED"], var.tables_capacity_mode)
    error_message = "tables_capacity_mode must be PAY_PER_REQUEST or PROVISIONED."
  }
}

variable "tables_units" {
  description = "Units a second that provisioned tables have at least, and each index of the geofences' table; `truckstream plan` computes them."
  type = object({
    positions_read  = number
    positions_write = number
    geofences_read  = number
    geofences_write = number
    indexes_read    = optional(number, 5)
    indexes_write   = optional(number, 5)
  })
  default = { positions_read = 5, positions_write = 5, geofences_read = 5, geofences_write = 5 }

  validation {
    condition     = alltrue([for each in values(var.tables_units) : each >= 1 && each <= 40000 && floor(each) == each])
    error_message = "tables_units must be whole numbers from 1 to 40000, the quota of a table."
  }
}

# --- real trucks ------------------------------------------------------------------------------------------------

variable "ingest_enabled" {
  description = "Whether trucks can send: MQTT with a certificate each, through AWS IoT (modules/ingest)."
  type        = bool
  default     = false
}

variable "ingest_single_json_only" {
  description = "Take only messages that are one JSON object and name the truck that sent them: no gzip, and no truck as another."
  type        = bool
  default     = false
}

variable "ingest_truck_certificates" {
  description = "ARN of each truck's IoT certificate, by the truck's id. Made elsewhere, so that no private key is in the state."
  type        = map(string)
  default     = {}
}

variable "ingest_messages_per_minute_alarm" {
  description = "More messages of trucks than so many in each of three minutes raise an alarm."
  type        = number
  default     = 60000

  validation {
    condition     = var.ingest_messages_per_minute_alarm >= 1
    error_message = "ingest_messages_per_minute_alarm must be at least 1."
  }
}

# --- functions --------------------------------------------------------------------------------------------------

variable "packages_folder" {
  description = "Folder of the packages that scripts/build.sh makes; null: dist in the repository."
  type        = string
  default     = null
}

variable "sql_folder" {
  description = "Folder of positions.sql and hourly_stats.sql; null: src/truckstream/sql in the repository."
  type        = string
  default     = null
}

variable "architecture" {
  description = "Machine of the functions: arm64 or x86_64. The packages have to be built for it."
  type        = string
  default     = "arm64"

  validation {
    condition     = contains(["arm64", "x86_64"], var.architecture)
    error_message = "architecture must be arm64 or x86_64."
  }
}

variable "consumers_memory_mb" {
  description = "Memory of the three consumers, in MB: 128 to 10240. 1769 is a whole CPU. null: 512, and 1024 where a batch needs it."
  type        = number
  default     = null

  validation {
    condition     = var.consumers_memory_mb == null ? true : var.consumers_memory_mb >= 128 && var.consumers_memory_mb <= 10240
    error_message = "consumers_memory_mb must be between 128 and 10240."
  }
}

variable "jobs_memory_mb" {
  description = "Memory of hourly_stats and compact_archive, in MB: 128 to 10240. They hold an hour's positions and a day's files: 2048 do for 3,500 trucks that send every 5 s; `truckstream plan` computes it."
  type        = number
  default     = 2048

  validation {
    condition     = var.jobs_memory_mb >= 128 && var.jobs_memory_mb <= 10240
    error_message = "jobs_memory_mb must be between 128 and 10240."
  }
}

variable "jobs_reserve_concurrency" {
  description = "Whether hourly_stats and compact_archive reserve an invocation each, so that none runs twice at one time. false where the account's limit is the 10 of new accounts, none of which AWS lets anybody reserve."
  type        = bool
  default     = true
}

variable "log_level" {
  description = "DEBUG, INFO, WARNING or ERROR."
  type        = string
  default     = "INFO"

  validation {
    condition     = contains(["DEBUG", "INFO", "WARNING", "ERROR"], var.log_level)
    error_message = "log_level must be DEBUG, INFO, WARNING or ERROR."
  }
}

variable "log_retention_days" {
  description = "How many days the functions' log lines are kept."
  type        = number
  default     = 30
}

variable "simulated_trucks" {
  description = "Trucks that the function gps_producer simulates, 0 to 10000; 0: its schedule is off. More than 1000 get a whole CPU."
  type        = number
  default     = 0

  validation {
    condition     = var.simulated_trucks >= 0 && var.simulated_trucks <= 10000 && floor(var.simulated_trucks) == var.simulated_trucks
    error_message = "simulated_trucks must be a whole number from 0 to 10000."
  }
}

variable "outlier_speed_kmh" {
  description = "A position that would need a higher speed is set aside, in km/h; 0: none is."
  type        = number
  default     = 200

  validation {
    condition     = var.outlier_speed_kmh >= 0
    error_message = "outlier_speed_kmh must be 0 (off) or more."
  }
}

variable "position_move_m" {
  description = "A latest position is written when the truck moved so many metres, 0: whenever it is newer."
  type        = number
  default     = 25

  validation {
    condition     = var.position_move_m >= 0
    error_message = "position_move_m must be 0 or more."
  }
}

variable "position_every_s" {
  description = "A latest position is written when so many seconds have passed, 0: off."
  type        = number
  default     = 60

  validation {
    condition     = var.position_every_s >= 0
    error_message = "position_every_s must be 0 or more."
  }
}

variable "position_at_most_every_s" {
  description = "A truck's latest position is not written more often than every so many seconds, 0: off. 30 makes a large fleet's bill small."
  type        = number
  default     = 0

  validation {
    condition     = var.position_at_most_every_s >= 0
    error_message = "position_at_most_every_s must be 0 or more."
  }
}

# --- keeping ----------------------------------------------------------------------------------------------------

variable "archive_retention_days" {
  description = "Positions and statistics are deleted from the archive after so many days; 0: never."
  type        = number
  default     = 0

  validation {
    condition     = var.archive_retention_days == 0 || (var.archive_retention_days >= 2 && var.archive_retention_days <= 36500)
    error_message = "archive_retention_days must be 0 (never) or 2 to 36500: a day has to be compacted before it goes."
  }
}

variable "set_aside_retention_days" {
  description = "Rejected records and batches that were given up are deleted after so many days; 0: never."
  type        = number
  default     = 365

  validation {
    condition     = var.set_aside_retention_days >= 0 && var.set_aside_retention_days <= 36500
    error_message = "set_aside_retention_days must be between 0 (never) and 36500."
  }
}

variable "recovery_days" {
  description = "Point-in-time recovery of the tables reaches back so many days: 1 to 35, 0 switches it off."
  type        = number
  default     = 35
}

variable "deletion_protection" {
  description = "Whether tables and buckets with data refuse to be destroyed. Set to false, apply, then destroy."
  type        = bool
  default     = true
}

# --- who is told ------------------------------------------------------------------------------------------------

variable "operations_emails" {
  description = "Addresses that receive alarms; each has to confirm by a link."
  type        = set(string)
  default     = []
}

variable "alert_subscriptions" {
  description = "Receivers of geofence alerts by name; see modules/sns."
  type = map(object({
    protocol = string
    endpoint = string
    filter   = optional(map(list(string)), {})
    raw      = optional(bool, true)
    role_arn = optional(string)
  }))
  default = {}
}

variable "iterator_age_alarm_s" {
  description = "A consumer may be so many seconds behind the stream before somebody is told."
  type        = number
  default     = 180
}

variable "outbox_age_alarm_s" {
  description = "An alert may wait so many seconds to be sent before somebody is told."
  type        = number
  default     = 300
}

variable "rejected_alarm_pct" {
  description = "So many per cent of the records may break a rule before somebody is told."
  type        = number
  default     = 1
}

variable "monthly_charges_alarm_usd" {
  description = "Tell when the account's charges of the month pass 80 % of this, or are estimated to pass it, in USD; 0: never."
  type        = number
  default     = 0
}

variable "tracing_sampling_pct" {
  description = "Share of the invocations that X-Ray is asked to record beyond one a second, in per cent; 0: no tracing. AWS states that Lambda keeps to its own 5."
  type        = number
  default     = 5
}

variable "runbook_url" {
  description = "Where docs/operations.md is, for the alarms' descriptions: the page in your repository's web view."
  type        = string
  default     = "docs/operations.md"
}

# --- queries ----------------------------------------------------------------------------------------------------

variable "first_date" {
  description = "The first date that Athena looks for: YYYY-MM-DD."
  type        = string
  default     = "2024-01-01"
}

variable "scan_limit_gb" {
  description = "A query that would read more than so many GB is stopped."
  type        = number
  default     = 100
}

variable "permissions_boundary_arn" {
  description = "A policy that bounds every role, where the organisation asks for one; null: none."
  type        = string
  default     = null
}
