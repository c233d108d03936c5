# For people and their tools, attached to nobody here: SQL over the archive, or everything the command line does.

locals {
  analyst = [
    {
      Sid    = "Query"
      Effect = "Allow"
      Action = [
        "athena:StartQueryExecution", "athena:GetQueryExecution", "athena:GetQueryResults", "athena:StopQueryExecution",
        "athena:GetWorkGroup", "athena:ListNamedQueries", "athena:GetNamedQuery",
      ]
      Resource = var.workgroup_arn
    },
    {
      Sid    = "ReadTables"
      Effect = "Allow"
      Action = ["glue:GetDatabase", "glue:GetTable", "glue:GetTables", "glue:GetPartition", "glue:GetPartitions"]
      # Glue asks for the catalogue as well as for the database and its tables.
      Resource = [var.catalog_arn, var.database_arn, "${replace(var.database_arn, ":database/", ":table/")}/*"]
    },
    {
      Sid      = "ReadFiles"
      Effect   = "Allow"
      Action   = "s3:GetObject"
      Resource = ["${var.bucket_arn}/positions/*", "${var.bucket_arn}/hourly/*"]
    },
    {
      Sid      = "ListFiles"
      Effect   = "Allow"
      Action   = ["s3:ListBucket", "s3:GetBucketLocation"]
      Resource = [var.bucket_arn, var.results_bucket_arn]
    },
    {
      Sid      = "Results"
      Effect   = "Allow"
      Action   = ["s3:GetObject", "s3:PutObject", "s3:AbortMultipartUpload", "s3:ListMultipartUploadParts"]
      Resource = "${var.results_bucket_arn}/*"
    },
  ]

  # What `truckstream ... --backend aws` calls, the pages included: a test runs the commands and compares. The rules of
  # the consumers hold for people too: latest positions and presence come from the stream, the archive from its consumer.
  operator = [
    {
      Sid      = "ReadStream" # the tail of the dashboard, verify, lag
      Effect   = "Allow"
      Action   = ["kinesis:DescribeStreamSummary", "kinesis:GetRecords", "kinesis:GetShardIterator", "kinesis:ListShards"]
      Resource = var.stream_arn
    },
    local.streams.write[0], # ingest, simulate, replay, and records that go back
    {
      Sid      = "LatestPositions"
      Effect   = "Allow"
      Action   = "dynamodb:Scan"
      Resource = var.positions_table_arn
    },
    {
      Sid    = "GeofencesAlertsAcknowledgements"
      Effect = "Allow"
      Action = [
        "dynamodb:GetItem", "dynamodb:BatchGetItem", "dynamodb:Query", "dynamodb:PutItem", "dynamodb:UpdateItem",
        "dynamodb:DeleteItem", "dynamodb:BatchWriteItem", "dynamodb:ConditionCheckItem",
      ]
      Resource = var.geofences_table_arn
    },
    {
      Sid      = "AlertsByTruckAndDay"
      Effect   = "Allow"
      Action   = "dynamodb:Query"
      Resource = "${var.geofences_table_arn}/index/*"
    },
    {
      Sid      = "ReadBucket"
      Effect   = "Allow"
      Action   = "s3:GetObject"
      Resource = [for folder in local.folders : "${var.bucket_arn}/${folder}/*"]
    },
    {
      Sid      = "CompactRefreshRedrive" # not s3:DeleteObjectVersion: what is replaced stays for a while
      Effect   = "Allow"
      Action   = ["s3:PutObject", "s3:DeleteObject"]
      Resource = [for folder in local.folders : "${var.bucket_arn}/${folder}/*"]
    },
    {
      Sid      = "Lag"
      Effect   = "Allow"
      Action   = ["lambda:ListEventSourceMappings", "cloudwatch:GetMetricData"]
      Resource = "*" # neither knows a resource to name; both only read
    },
  ]

  folders = ["positions", "hourly", "rejected", "redriven", "aws/lambda"]
}

resource "aws_iam_policy" "analyst" {
  name        = "${var.name_prefix}-analyst"
  description = "SQL over truckstream's archive"
  tags        = var.tags

  policy = jsonencode({ Version = "2012-10-17", Statement = local.analyst })
}

resource "aws_iam_policy" "operator" {
  name        = "${var.name_prefix}-operator"
  description = "What truckstream's command line and pages do on the deployed system"
  tags        = var.tags

  policy = jsonencode({
    Version = "2012-10-17"
    # One list of files to read is enough.
    Statement = concat(local.operator, [for statement in local.analyst : statement if statement.Sid != "ReadFiles"])
  })
}
