# The whole system: trucks put positions on the stream, three functions read it, each at its own pace, jobs keep the
# archive. functions.tf has the functions; modules/ has the parts, each usable alone.
#
# Region and credentials are the AWS provider's: AWS_REGION, AWS_PROFILE, or a provider block of whoever uses this as
# a module (examples/).

data "aws_caller_identity" "this" {}

data "aws_partition" "this" {}

data "aws_region" "this" {}

locals {
  account_id = data.aws_caller_identity.this.account_id
  partition  = data.aws_partition.this.partition
  region     = data.aws_region.this.id
  tags       = merge({ application = "truckstream" }, var.tags)

  packages_folder = coalesce(var.packages_folder, "${path.module}/../dist")
  sql_folder      = coalesce(var.sql_folder, "${path.module}/../src/truckstream/sql")
}

module "kinesis" {
  source = "./modules/kinesis"

  name              = var.stream_name
  capacity_mode     = var.capacity_mode
  shard_count       = var.shard_count
  retention_hours   = var.retention_hours
  fan_out_consumers = var.fan_out_consumers
  tags              = local.tags
}

module "dynamodb" {
  source = "./modules/dynamodb"

  positions_table_name = var.positions_table_name
  geofences_table_name = var.geofences_table_name
  capacity_mode        = var.tables_capacity_mode
  units                = var.tables_units
  recovery_days        = var.recovery_days
  deletion_protection  = var.deletion_protection
  tags                 = local.tags
}

module "archive" {
  source = "./modules/s3"

  name                         = coalesce(var.archive_bucket_name, "gps-archive-${local.account_id}")
  account_id                   = local.account_id
  force_destroy                = !var.deletion_protection
  intelligent_tiering_prefixes = ["positions/", "hourly/"]
  failed_batches_queue_name    = "${var.name_prefix}-failed-batches"
  tags                         = local.tags

  expiration_days = {
    "positions/"  = var.archive_retention_days
    "hourly/"     = var.archive_retention_days
    "rejected/"   = var.set_aside_retention_days
    "redriven/"   = var.set_aside_retention_days
    "aws/lambda/" = var.set_aside_retention_days # batches that were given up: Lambda chooses the prefix
  }
}

# Query results in a bucket of their own: an analyst can write there and nowhere else. A month, then they go.
module "results" {
  source = "./modules/s3"

  name            = "${var.name_prefix}-athena-results-${local.account_id}"
  account_id      = local.account_id
  force_destroy   = true
  versioning      = false
  expiration_days = { "" = 30 }
  tags            = local.tags
}

module "sns" {
  source = "./modules/sns"

  account_id            = local.account_id
  partition             = local.partition
  alerts_topic_name     = "${var.name_prefix}-alerts"
  operations_topic_name = "${var.name_prefix}-operations"
  operations_emails     = var.operations_emails
  alert_subscriptions   = var.alert_subscriptions
  tags                  = local.tags
}

module "athena" {
  source = "./modules/athena"

  database_name       = replace(var.name_prefix, "-", "_")
  workgroup_name      = var.name_prefix
  archive_bucket_name = module.archive.name
  results_bucket_name = module.results.name
  sql_folder          = local.sql_folder
  first_date          = var.first_date
  scan_limit_gb       = var.scan_limit_gb
  tags                = local.tags
}

module "iam" {
  source = "./modules/iam"

  name_prefix                  = var.name_prefix
  stream_arn                   = module.kinesis.arn
  fan_out_arns                 = module.kinesis.fan_out_arns
  positions_table_arn          = module.dynamodb.positions_table_arn
  geofences_table_arn          = module.dynamodb.geofences_table_arn
  bucket_arn                   = module.archive.arn
  results_bucket_arn           = module.results.arn
  alerts_topic_arn             = module.sns.alerts_topic_arn
  topics_key_arn               = module.sns.key_arn
  failed_invocations_queue_arn = module.eventbridge.failed_invocations_queue_arn
  log_groups_arn               = "arn:${local.partition}:logs:${local.region}:${local.account_id}:log-group:/aws/lambda"
  workgroup_arn                = module.athena.workgroup_arn
  catalog_arn                  = module.athena.catalog_arn
  database_arn                 = module.athena.database_arn
  permissions_boundary_arn     = var.permissions_boundary_arn
  tags                         = local.tags
}

# Real trucks, when they are let in.
module "ingest" {
  source = "./modules/ingest"
  count  = var.ingest_enabled ? 1 : 0

  name_prefix               = var.name_prefix
  account_id                = local.account_id
  region                    = local.region
  partition                 = local.partition
  stream_name               = module.kinesis.name
  stream_arn                = module.kinesis.arn
  single_json_only          = var.ingest_single_json_only
  truck_certificates        = var.ingest_truck_certificates
  messages_per_minute_alarm = var.ingest_messages_per_minute_alarm
  operations_topic_arn      = module.sns.operations_topic_arn
  runbook_url               = var.runbook_url
  permissions_boundary_arn  = var.permissions_boundary_arn
  tags                      = local.tags
}

module "eventbridge" {
  source = "./modules/eventbridge"

  name_prefix = var.name_prefix
  tags        = local.tags

  schedules = {
    for function, schedule in local.schedules : function => merge(schedule, {
      function_name = module.function[function].name
      function_arn  = module.function[function].arn
    })
  }
}

module "cloudwatch" {
  source = "./modules/cloudwatch"

  name_prefix               = var.name_prefix
  region                    = local.region
  stream_name               = module.kinesis.name
  function_names            = { for key, function in module.function : key => function.name }
  table_names               = { positions = module.dynamodb.positions_table_name, geofences = module.dynamodb.geofences_table_name }
  index_names               = module.dynamodb.index_names
  bucket_name               = module.archive.name
  alerts_topic_name         = module.sns.alerts_topic_name
  workgroup_name            = module.athena.workgroup_name
  operations_topic_arn      = module.sns.operations_topic_arn
  runbook_url               = var.runbook_url
  iterator_age_alarm_s      = var.iterator_age_alarm_s
  outbox_age_alarm_s        = var.outbox_age_alarm_s
  rejected_alarm_pct        = var.rejected_alarm_pct
  monthly_charges_alarm_usd = var.monthly_charges_alarm_usd
  tracing_sampling_pct      = var.tracing_sampling_pct
  other_alarm_arns          = flatten(module.ingest[*].alarm_arns)
  tags                      = local.tags

  queue_names = {
    failed-batches     = module.archive.failed_batches_queue_name
    failed-invocations = module.eventbridge.failed_invocations_queue_name
  }
}
