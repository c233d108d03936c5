variable "name_prefix" {
  description = "First part of the names of rules and queue."
  type        = string
  default     = "truckstream"

  validation {
    condition     = can(regex("^[A-Za-z0-9-]{1,40}$", var.name_prefix))
    error_message = "name_prefix must be 1 to 40 letters, digits or hyphens."
  }
}

variable "schedules" {
  description = <<-END
    Functions that run by the clock, by name.

    expression     rate(1 minute), or cron(minute hour day month weekday year) in UTC
    maximum_age_s  an event that could not be delivered for so long is given up, 60 to 86400
  END
  type = map(object({
    expression    = string
    description   = string
    function_name = string
    function_arn  = string
    enabled       = optional(bool, true)
    maximum_age_s = optional(number, 3600)
  }))

  # EventBridge wants "minute" after 1 and "minutes" after any other number; a test server takes anything.
  validation {
    condition = alltrue([
      for each in values(var.schedules) :
      can(regex("^rate\\((1 (minute|hour|day)|([2-9]|[1-9][0-9]+) (minutes|hours|days))\\)$", each.expression)) ||
      can(regex("^cron\\((\\S+ ){4}\\S+ \\S+\\)$", each.expression))
    ])
    error_message = "schedules: expression must be like rate(1 minute), rate(5 minutes) or cron(10 * * * ? *)."
  }

  # In a cron expression one of day-of-month and weekday has to be a question mark.
  validation {
    condition = alltrue([
      for each in values(var.schedules) : !startswith(each.expression, "cron(") ? true :
      contains([
        try(split(" ", trimsuffix(trimprefix(each.expression, "cron("), ")"))[2], ""),
        try(split(" ", trimsuffix(trimprefix(each.expression, "cron("), ")"))[4], ""),
      ], "?")
    ])
    error_message = "schedules: a cron expression needs a ? as day of month or as weekday."
  }

  validation {
    condition     = alltrue([for each in values(var.schedules) : each.maximum_age_s >= 60 && each.maximum_age_s <= 86400])
    error_message = "schedules: maximum_age_s must be between 60 and 86400."
  }
}

variable "tags" {
  description = "Tags of every resource."
  type        = map(string)
  default     = {}
}
