variable "positions_table_name" {
  description = "Name of the table of latest positions."
  type        = string
  default     = "truck-positions"

  validation {
    condition     = can(regex("^[A-Za-z0-9_.-]{3,255}$", var.positions_table_name))
    error_message = "positions_table_name must be 3 to 255 letters, digits, or _ . - characters."
  }
}

variable "geofences_table_name" {
  description = "Name of the table of geofences, presence, alerts and outbox."
  type        = string
  default     = "truck-geofences"

  validation {
    condition     = can(regex("^[A-Za-z0-9_.-]{3,255}$", var.geofences_table_name))
    error_message = "geofences_table_name must be 3 to 255 letters, digits, or _ . - characters."
  }
}

variable "capacity_mode" {
  description = "PAY_PER_REQUEST, or PROVISIONED: capacity that scales, at less than half the price for a fleet that drives all day."
  type        = string
  default     = "PAY_PER_REQUEST"

  validation {
    condition     = contains(["PAY_PER_REQUEST", "PROVISIONED"], var.capacity_mode)
    error_message = "capacity_mode must be PAY_PER_REQUEST or PROVISIONED."
  }
}

variable "units" {
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
    condition     = alltrue([for each in values(var.units) : each >= 1 && each <= 40000 && floor(each) == each])
    error_message = "units must be whole numbers from 1 to 40000, the quota of a table."
  }
}

variable "largest_factor" {
  description = "Provisioned tables grow to at most so many times their units."
  type        = number
  default     = 10

  validation {
    condition     = var.largest_factor >= 1 && floor(var.largest_factor) == var.largest_factor
    error_message = "largest_factor must be a whole number, at least 1."
  }
}

variable "used_pct" {
  description = "How much of provisioned capacity is to be used, in per cent: 20 to 90."
  type        = number
  default     = 70

  validation {
    condition     = var.used_pct >= 20 && var.used_pct <= 90
    error_message = "used_pct must be between 20 and 90."
  }
}

variable "recovery_days" {
  description = "Point-in-time recovery reaches back so many days: 1 to 35, 0 switches it off."
  type        = number
  default     = 35

  validation {
    condition     = var.recovery_days >= 0 && var.recovery_days <= 35 && floor(var.recovery_days) == var.recovery_days
    error_message = "recovery_days must be a whole number from 0 to 35."
  }
}

variable "deletion_protection" {
  description = "Whether DynamoDB refuses to delete the tables."
  type        = bool
  default     = true
}

variable "tags" {
  description = "Tags of every resource."
  type        = map(string)
  default     = {}
}
