# The functions: what is in src/truckstream/aws/handlers.py, with the package each is in and what it needs.

locals {
  # A full event, 6 MB of frames, holds 110,000 positions of some 9,000 trucks: 30 s on a whole CPU, three times that on the
  # third of one that 512 MB bring.
  consumers_timeout_s = 180

  functions = {
    dashboard_consumer = {
      package     = "live"
      description = "Keeps the latest position of every truck"
      memory_mb   = coalesce(var.consumers_memory_mb, 512)
      timeout_s   = local.consumers_timeout_s
    }
    geofence_consumer = {
      package     = "live"
      description = "Applies the geofences and sends alerts"
      memory_mb   = coalesce(var.consumers_memory_mb, 1024) # every geofence and its index
      timeout_s   = local.consumers_timeout_s
    }
    archive_consumer = {
      package     = "archive"
      description = "Writes positions to the archive"
      memory_mb   = coalesce(var.consumers_memory_mb, 1024) # a batch of 10,000 records of many positions each
      timeout_s   = local.consumers_timeout_s
    }
    gps_producer = {
      package     = "live"
      description = "Simulates a fleet"
      memory_mb   = var.simulated_trucks > 1000 ? 1769 : 512 # in mid-hour a truck takes 5 ms of a whole CPU
      timeout_s   = 120                                      # two at a time do no harm: each has its own minute
    }
    send_outbox = {
      package     = "live"
      description = "Sends alerts whose sending failed"
      memory_mb   = 256
      timeout_s   = 55
    }
    redrive_rejected = {
      package     = "live"
      description = "By hand: puts rejected records on the stream again"
      memory_mb   = 512
      timeout_s   = 900
    }
    hourly_stats = {
      package     = "jobs"
      description = "Brings the hourly statistics up to date"
      memory_mb   = var.jobs_memory_mb
      timeout_s   = 900
    }
    compact_archive = {
      package     = "jobs"
      description = "Merges the files of closed hours"
      memory_mb   = var.jobs_memory_mb
      timeout_s   = 900
    }
  }

  # Two runs of these at one time would do the same work twice. Where they cannot reserve: a lease keeps compactions apart,
  # and statistics that an older run has overwritten are made anew within the hour.
  alone = var.jobs_reserve_concurrency ? ["compact_archive", "hourly_stats"] : []

  # How the stream is brought to the consumers. The three share a shard's 5 reads and 2 MB a second.
  consumers = {
    dashboard = {
      batch_size = var.dashboard_window_s > 1 ? 10000 : 500 # a map that lags is no map: small batches, at most a second old
      window_s   = var.dashboard_window_s
    }
    geofence = {
      batch_size = var.geofence_window_s > 1 ? 10000 : 500
      window_s   = var.geofence_window_s
    }
    archive = {
      batch_size = 10000 # files as large as they can be: a minute of a shard, or 6 MB
      window_s   = var.archive_window_s
    }
  }

  # One hour before the stream forgets a record, its batch is given up, so that the bucket gets it whole. Lambda takes
  # 7 days at most.
  maximum_record_age_s = min(604800, (var.retention_hours - 1) * 3600)

  # UTC, as everything is.
  schedules = {
    gps_producer = {
      expression    = "rate(1 minute)"
      description   = "The minute before of a simulated fleet"
      enabled       = var.simulated_trucks > 0
      maximum_age_s = 300
    }
    send_outbox = {
      expression    = "rate(1 minute)"
      description   = "Alerts whose sending failed"
      enabled       = true
      maximum_age_s = 60 # the next minute does it
    }
    hourly_stats = {
      expression    = "cron(10 * * * ? *)" # an hour is final five minutes after its end
      description   = "Hourly statistics, ten minutes after the hour"
      enabled       = true
      maximum_age_s = 3600
    }
    compact_archive = {
      expression    = "cron(6 * * * ? *)" # before the statistics, which go on from hours that are settled
      description   = "Files of the hours that are closed, six minutes after the hour"
      enabled       = true
      maximum_age_s = 3600
    }
  }
}

module "function" {
  source   = "./modules/lambda"
  for_each = local.functions

  name                 = "${var.name_prefix}-${replace(each.key, "_", "-")}"
  description          = each.value.description
  package              = "${local.packages_folder}/lambda-${each.value.package}-${var.architecture}.zip"
  handler              = "truckstream.aws.handlers.${each.key}"
  architecture         = var.architecture
  role_arn             = module.iam.role_arns[each.key]
  memory_mb            = each.value.memory_mb
  timeout_s            = each.value.timeout_s
  reserved_concurrency = contains(local.alone, each.key) ? 1 : -1
  tracing_mode         = var.tracing_sampling_pct > 0 ? "Active" : "PassThrough"
  log_retention_days   = var.log_retention_days
  tags                 = local.tags

  asynchronous = !contains(keys(local.schedules), each.key) ? null : {
    on_failure_arn = module.eventbridge.failed_invocations_queue_arn
    maximum_age_s  = local.schedules[each.key].maximum_age_s
  }

  stream = !contains(keys(local.consumers), trimsuffix(each.key, "_consumer")) ? null : merge(
    local.consumers[trimsuffix(each.key, "_consumer")],
    {
      arn                  = module.kinesis.arn
      parallelization      = var.parallelization
      fan_out_arn          = lookup(module.kinesis.fan_out_arns, trimsuffix(each.key, "_consumer"), null)
      on_failure_arn       = module.archive.arn
      maximum_record_age_s = local.maximum_record_age_s
    },
  )

  environment = {
    TRUCKSTREAM_BACKEND      = "aws"
    LOG_LEVEL                = var.log_level
    STREAM_NAME              = module.kinesis.name
    DYNAMODB_TABLE           = module.dynamodb.positions_table_name
    GEOFENCES_TABLE          = module.dynamodb.geofences_table_name
    S3_BUCKET                = module.archive.name
    SNS_TOPIC_ARN            = module.sns.alerts_topic_arn
    OUTLIER_SPEED_KMH        = tostring(var.outlier_speed_kmh)
    NUM_TRUCKS               = tostring(max(1, var.simulated_trucks))
    POSITION_MOVE_M          = tostring(var.position_move_m)
    POSITION_EVERY_S         = tostring(var.position_every_s)
    POSITION_AT_MOST_EVERY_S = tostring(var.position_at_most_every_s)
  }
}
