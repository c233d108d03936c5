"""Least privilege: what each role must do is allowed, and what it must never do is denied, by the rules of IAM."""

import json

import pytest
from tests.support.iam import Question, arn, decide
from tests.support.lambda_runtime import ACCOUNT
from tests.support.stack import FUNCTIONS, Deployed

BUCKET = f"arn:aws:s3:::gps-archive-{ACCOUNT}"
RESULTS = f"arn:aws:s3:::truckstream-athena-results-{ACCOUNT}"
STREAM = arn("kinesis", "stream/gps-coordinates-stream")
OTHER_STREAM = arn("kinesis", "stream/payments")
POSITIONS = arn("dynamodb", "table/truck-positions")
GEOFENCES = arn("dynamodb", "table/truck-geofences")
TOPIC = arn("sns", "truckstream-alerts")
QUEUE = arn("sqs", "truckstream-failed-invocations")
OUTBOX = {"dynamodb:LeadingKeys": ["outbox"]}
DEFINITION = {"dynamodb:LeadingKeys": ["geofence"]}


def log_of(function: str) -> str:
    return arn("logs", f"log-group:/aws/lambda/truckstream-{function.replace('_', '-')}:log-stream:s")


READ_STREAM = [
    Question(f"kinesis:{action}", STREAM)
    for action in ("GetRecords", "GetShardIterator", "ListShards", "DescribeStream", "DescribeStreamSummary")
]
SET_ASIDE = [
    Question("s3:PutObject", f"{BUCKET}/rejected/date=2026-01-15/shard/1.0.json"),
    Question("s3:GetObject", f"{BUCKET}/redriven/date=2026-01-15/shard/1.0.json"),
    Question("s3:PutObject", f"{BUCKET}/aws/lambda/mapping/shard/time"),
    Question("s3:ListBucket", BUCKET),
]
SEND_ALERTS = [
    Question("sns:Publish", TOPIC),
    Question("dynamodb:Query", GEOFENCES),
    Question("dynamodb:UpdateItem", GEOFENCES, {"dynamodb:LeadingKeys": ["alert#1"]}),
    Question("dynamodb:DeleteItem", GEOFENCES, OUTBOX),
    Question("dynamodb:PutItem", GEOFENCES, {"dynamodb:LeadingKeys": ["dead-letter"]}),
]
MUST = {
    "gps_producer": [Question("kinesis:PutRecords", STREAM), Question("sqs:SendMessage", QUEUE)],
    "dashboard_consumer": [
        *(READ_STREAM + SET_ASIDE),
        Question("dynamodb:BatchGetItem", POSITIONS),
        Question("dynamodb:PutItem", POSITIONS, {"dynamodb:LeadingKeys": ["TRK-1"]}),
    ],
    "geofence_consumer": [*(READ_STREAM + SET_ASIDE + SEND_ALERTS), Question("dynamodb:BatchGetItem", GEOFENCES)],
    "archive_consumer": [*(READ_STREAM + SET_ASIDE), Question("s3:PutObject", f"{BUCKET}/positions/date=2026-01-15/a")],
    "send_outbox": [*SEND_ALERTS, Question("sqs:SendMessage", QUEUE)],
    "hourly_stats": [
        Question("s3:ListBucket", BUCKET),
        Question("sqs:SendMessage", QUEUE),
        Question("s3:GetObject", f"{BUCKET}/positions/date=2026-01-15/a"),
        Question("s3:PutObject", f"{BUCKET}/hourly/date=2026-01-15/hourly.parquet"),
    ],
    "compact_archive": [
        Question("s3:ListBucket", BUCKET),
        Question("sqs:SendMessage", QUEUE),
        *(Question(f"s3:{verb}Object", f"{BUCKET}/positions/date=2026-01-15/a") for verb in ("Get", "Put", "Delete")),
    ],
    "redrive_rejected": [
        Question("kinesis:PutRecords", STREAM),
        Question("s3:ListBucket", BUCKET),
        Question("s3:GetObject", f"{BUCKET}/aws/lambda/mapping/shard/time"),  # batches that were given up
        Question("s3:DeleteObject", f"{BUCKET}/aws/lambda/mapping/shard/time"),
        Question("s3:PutObject", f"{BUCKET}/rejected/date=2026-01-15/shard/1.0.json"),
        Question("s3:GetObject", f"{BUCKET}/redriven/date=2026-01-15/shard/1.0.json"),
        Question("s3:GetObject", f"{BUCKET}/rejected/date=2026-01-15/a"),
        Question("s3:PutObject", f"{BUCKET}/redriven/date=2026-01-15/a"),
        Question("s3:DeleteObject", f"{BUCKET}/rejected/date=2026-01-15/a"),
    ],
}

# What no function may do.
NEVER = [
    Question("kinesis:DeleteStream", STREAM),
    Question("kinesis:PutRecords", OTHER_STREAM),
    Question("kinesis:GetRecords", OTHER_STREAM),
    Question("dynamodb:DeleteTable", POSITIONS),
    Question("dynamodb:Scan", GEOFENCES),
    Question("dynamodb:PutItem", GEOFENCES, DEFINITION),
    Question("dynamodb:DeleteItem", GEOFENCES, DEFINITION),
    Question("dynamodb:PutItem", arn("dynamodb", "table/payments"), {"dynamodb:LeadingKeys": ["1"]}),
    Question("s3:DeleteObjectVersion", f"{BUCKET}/positions/date=2026-01-15/a"),
    Question("s3:DeleteBucket", BUCKET),
    Question("s3:PutBucketPolicy", BUCKET),
    Question("s3:PutObject", f"{BUCKET}/elsewhere/a"),
    Question("s3:GetObject", "arn:aws:s3:::payroll/a"),
    Question("s3:GetObject", f"{RESULTS}/results/a"),
    Question("sns:Publish", arn("sns", "truckstream-operations")),
    Question("sns:Subscribe", TOPIC),
    Question("sqs:ReceiveMessage", QUEUE),
    Question("iam:PassRole", f"arn:aws:iam::{ACCOUNT}:role/truckstream-hourly-stats"),
    Question("lambda:InvokeFunction", arn("lambda", "function:truckstream-hourly-stats")),
    Question("logs:DeleteLogGroup", arn("logs", "log-group:/aws/lambda/truckstream-hourly-stats:*")),
    Question("kms:ScheduleKeyDeletion", arn("kms", "key/11111111-2222-3333-4444-555555555555")),
    Question("sts:AssumeRole", f"arn:aws:iam::{ACCOUNT}:role/admin"),
]


@pytest.mark.parametrize("function", FUNCTIONS)
def test_role_allows_what_its_function_must_do(deployed: Deployed, function: str) -> None:
    must = [
        *MUST[function],
        Question("logs:CreateLogStream", log_of(function)),
        Question("logs:PutLogEvents", log_of(function)),
        Question("xray:PutTraceSegments", "*"),
    ]
    decisions = decide(deployed.stack.policies(function), must)
    assert [pair for pair in zip(must, decisions, strict=True) if pair[1] != "Allowed"] == []


@pytest.mark.parametrize("function", FUNCTIONS)
def test_role_denies_what_is_not_its_functions_business(deployed: Deployed, function: str) -> None:
    of_others = {
        (question.action, question.resource): question
        for other, questions in MUST.items()
        for question in questions
        if other != function
    }
    own = {(question.action, question.resource) for question in MUST[function]}
    others = [question for key, question in of_others.items() if key not in own]
    never = [*NEVER, *others, Question("logs:PutLogEvents", log_of("another_function"))]
    decisions = decide(deployed.stack.policies(function), never)
    allowed = [
        pair for pair in zip(never, decisions, strict=True) if pair[1] not in ("ImplicitlyDenied", "ExplicitlyDenied")
    ]
    assert allowed == []


def test_only_lambda_may_take_on_a_role(deployed: Deployed) -> None:
    for function in FUNCTIONS:
        role = deployed.stack.client("iam").get_role(RoleName=deployed.stack.name(function))["Role"]
        (statement,) = role["AssumeRolePolicyDocument"]["Statement"]
        assert statement["Principal"] == {"Service": "lambda.amazonaws.com"}


def test_the_rule_that_takes_what_trucks_send_writes_to_the_stream_alone(deployed: Deployed) -> None:
    iam = deployed.stack.client("iam")
    role = iam.get_role(RoleName="truckstream-ingest")["Role"]
    (statement,) = role["AssumeRolePolicyDocument"]["Statement"]
    assert statement["Principal"] == {"Service": "iot.amazonaws.com"}
    assert statement["Condition"]["StringEquals"] == {"aws:SourceAccount": ACCOUNT}
    (name,) = iam.list_role_policies(RoleName="truckstream-ingest")["PolicyNames"]
    policies = [iam.get_role_policy(RoleName="truckstream-ingest", PolicyName=name)["PolicyDocument"]]
    must = [Question("kinesis:PutRecord", STREAM), Question("sqs:SendMessage", arn("sqs", "truckstream-ingest-failed"))]
    never = [*NEVER, Question("kinesis:GetRecords", STREAM), Question("sqs:SendMessage", QUEUE)]
    decisions = decide(policies, [*must, *never])
    assert decisions == ["Allowed"] * len(must) + ["ImplicitlyDenied"] * len(never)


def test_only_its_schedule_may_call_a_function(deployed: Deployed) -> None:
    for function in ("gps_producer", "send_outbox", "hourly_stats", "compact_archive"):
        name = deployed.stack.name(function)
        policy = json.loads(deployed.stack.client("lambda").get_policy(FunctionName=name)["Policy"])
        (statement,) = policy["Statement"]
        assert statement["Principal"] == {"Service": "events.amazonaws.com"}
        assert statement["Condition"]["ArnLike"]["AWS:SourceArn"] == arn("events", f"rule/{name}")


def test_analyst_may_query_and_nothing_else(deployed: Deployed) -> None:
    must = [
        Question("athena:StartQueryExecution", arn("athena", "workgroup/truckstream")),
        Question("glue:GetTable", arn("glue", "table/truckstream/positions")),
        Question("glue:GetTable", arn("glue", "catalog")),
        Question("s3:GetObject", f"{BUCKET}/positions/date=2026-01-15/a"),
        Question("s3:PutObject", f"{RESULTS}/results/a"),
        Question("s3:ListBucket", BUCKET),
    ]
    never = [
        Question("athena:StartQueryExecution", arn("athena", "workgroup/primary")),
        Question("athena:UpdateWorkGroup", arn("athena", "workgroup/truckstream")),
        Question("glue:UpdateTable", arn("glue", "table/truckstream/positions")),
        Question("glue:GetTable", arn("glue", "table/payroll/salaries")),
        Question("s3:PutObject", f"{BUCKET}/positions/date=2026-01-15/a"),
        Question("s3:GetObject", f"{BUCKET}/rejected/date=2026-01-15/a"),
        Question("dynamodb:Scan", POSITIONS),
        Question("kinesis:GetRecords", STREAM),
    ]
    decisions = decide(deployed.stack.policy_of_people("analyst"), [*must, *never])
    assert decisions == ["Allowed"] * len(must) + ["ImplicitlyDenied"] * len(never)


def test_operator_works_with_the_data_and_changes_nothing_of_the_system(deployed: Deployed) -> None:
    """That its commands are allowed, test_terraform_running shows with the calls they made."""
    must = [
        Question("dynamodb:PutItem", GEOFENCES, DEFINITION),
        Question("s3:GetObject", f"{BUCKET}/rejected/date=2026-01-15/a"),
        Question("athena:StartQueryExecution", arn("athena", "workgroup/truckstream")),
        Question("s3:GetObject", f"{RESULTS}/results/a"),
    ]
    of_operators = {
        "s3:GetObject": f"{RESULTS}/results/a",
        "dynamodb:PutItem": GEOFENCES,
        "dynamodb:DeleteItem": GEOFENCES,
    }
    never = [
        *(question for question in NEVER if of_operators.get(question.action) != question.resource),
        Question("dynamodb:PutItem", POSITIONS, {"dynamodb:LeadingKeys": ["TRK-1"]}),
        Question("sns:Publish", TOPIC),
        Question("lambda:UpdateFunctionCode", arn("lambda", "function:truckstream-archive-consumer")),
        Question("lambda:DeleteEventSourceMapping", arn("lambda", "event-source-mapping:1")),
        Question("athena:UpdateWorkGroup", arn("athena", "workgroup/truckstream")),
        Question("glue:UpdateTable", arn("glue", "table/truckstream/positions")),
    ]
    decisions = decide(deployed.stack.policy_of_people("operator"), [*must, *never])
    assert decisions == ["Allowed"] * len(must) + ["ImplicitlyDenied"] * len(never)


def test_nobody_reaches_the_archive_without_tls(deployed: Deployed) -> None:
    policy = json.loads(deployed.stack.client("s3").get_bucket_policy(Bucket=BUCKET.rpartition(":")[2])["Policy"])
    everything = [{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]}]
    questions = [
        Question("s3:GetObject", f"{BUCKET}/positions/a", {"aws:SecureTransport": tls}, policy)
        for tls in ("true", "false")
    ]
    assert decide(everything, questions) == ["Allowed", "ExplicitlyDenied"]


def test_evaluator_tells_right_from_wrong() -> None:
    statements = [
        {"Effect": "Allow", "Action": "s3:Get*", "Resource": "arn:aws:s3:::b/in/*"},
        {"Effect": "Deny", "NotAction": "s3:GetObject", "Resource": "*"},
    ]
    questions = [
        Question("s3:GetObject", "arn:aws:s3:::b/in/a"),
        Question("s3:GetObject", "arn:aws:s3:::b/out/a"),
        Question("s3:GetObjectTagging", "arn:aws:s3:::b/in/a"),
        Question("s3:Fly", "arn:aws:s3:::b/in/a"),
    ]
    decisions = decide([{"Version": "2012-10-17", "Statement": statements}], questions)
    assert decisions[:3] == ["Allowed", "ImplicitlyDenied", "ExplicitlyDenied"]
    assert decisions[3].startswith("error")
