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
