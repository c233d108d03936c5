"""The complete example applied with the real provider: what is there, read back through the API, is the contract."""

import json
from typing import Any
from urllib.parse import unquote

import pytest
from tests.support.dynamodb import GEOFENCES_TABLE, POSITIONS_TABLE
from tests.support.lambda_runtime import ACCOUNT, REGION
from tests.support.stack import ARCHITECTURE, FUNCTIONS, Deployed

from truckstream.config import read_settings
from truckstream.core.plan.bill import JOB_MB, LONGEST_BATCH_S, LONGEST_RUN_S

ARCHIVE = f"gps-archive-{ACCOUNT}"
RESULTS = f"truckstream-athena-results-{ACCOUNT}"
CONSUMERS = ("dashboard_consumer", "geofence_consumer", "archive_consumer")


def statements(policy: str | dict[str, Any]) -> dict[str, Any]:
    document = json.loads(policy) if isinstance(policy, str) else policy
    return {statement["Sid"]: statement for statement in document["Statement"]}


def test_a_second_plan_is_empty(deployed: Deployed) -> None:
    code, said = deployed.folder.try_run("plan", "-detailed-exitcode", "-input=false", *deployed.variables)
    assert code == 0, said


def test_stream_has_its_shards_retention_and_encryption(deployed: Deployed) -> None:
    kinesis = deployed.stack.client("kinesis")
    stream = kinesis.describe_stream_summary(StreamName="gps-coordinates-stream")["StreamDescriptionSummary"]
    assert (stream["OpenShardCount"], stream["RetentionPeriodHours"]) == (4, 168)
    assert (stream["EncryptionType"], stream["KeyId"]) == ("KMS", "alias/aws/kinesis")
    assert stream["StreamModeDetails"] == {"StreamMode": "PROVISIONED"}
    consumers = kinesis.list_stream_consumers(StreamARN=stream["StreamARN"])["Consumers"]
    assert [consumer["ConsumerName"] for consumer in consumers] == ["dashboard"]


def test_functions_hold_the_built_packages(deployed: Deployed) -> None:
    for function in FUNCTIONS:
        assert deployed.stack.holds_its_package(function), function
        found = deployed.stack.configuration(function)
        assert (found["Runtime"], found["Architectures"]) == ("python3.12", [ARCHITECTURE])
        assert found["TracingConfig"] == {"Mode": "Active"}
        assert found["Handler"] == f"truckstream.aws.handlers.{function}"
        assert found["Role"].rpartition("/")[2] == deployed.stack.name(function)


def test_functions_have_an_environment_they_accept(deployed: Deployed) -> None:
    for function in FUNCTIONS:
        settings = read_settings(deployed.stack.configuration(function)["Environment"]["Variables"])
        assert (settings.backend, settings.stream_name) == ("aws", "gps-coordinates-stream")
        assert (settings.dynamodb_table, settings.geofences_table) == ("truck-positions", "truck-geofences")
        assert settings.s3_bucket == ARCHIVE
        assert settings.sns_topic_arn == f"arn:aws:sns:{REGION}:{ACCOUNT}:truckstream-alerts"
        assert settings.position_at_most_every_s == 30


def test_functions_have_the_time_and_memory_that_a_plan_counts_with(deployed: Deployed) -> None:
    for function in CONSUMERS:
        assert deployed.stack.configuration(function)["Timeout"] == LONGEST_BATCH_S
    for function in ("hourly_stats", "compact_archive"):
        found = deployed.stack.configuration(function)
        assert (found["Timeout"], found["MemorySize"]) == (LONGEST_RUN_S, JOB_MB)


def test_only_the_jobs_that_must_run_alone_reserve_concurrency(deployed: Deployed) -> None:
    reserved = {
        function: deployed.stack.client("lambda")
        .get_function_concurrency(FunctionName=deployed.stack.name(function))
        .get("ReservedConcurrentExecutions")
        for function in FUNCTIONS
    }
    assert {name: count for name, count in reserved.items() if count is not None} == {
        "hourly_stats": 1,
        "compact_archive": 1,
    }


@pytest.mark.parametrize("function", CONSUMERS)
def test_stream_is_brought_to_the_consumer_with_safe_settings(deployed: Deployed, function: str) -> None:
    mapping = deployed.stack.mapping(function)
    stream = f"arn:aws:kinesis:{REGION}:{ACCOUNT}:stream/gps-coordinates-stream"
    fan_out = "/consumer/dashboard" if function == "dashboard_consumer" else ""
    assert mapping["EventSourceArn"] == stream + fan_out  # AWS adds the time of registration, moto does not
    assert mapping["StartingPosition"] == "TRIM_HORIZON"
    assert mapping["BisectBatchOnFunctionError"] is True
    assert mapping["MaximumRetryAttempts"] == 3
    assert mapping["MaximumRecordAgeInSeconds"] == 167 * 3600  # an hour before the stream forgets
    assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert mapping["DestinationConfig"]["OnFailure"]["Destination"] == f"arn:aws:s3:::{ARCHIVE}"
    assert mapping["BatchSize"] == 10_000
    assert mapping["MaximumBatchingWindowInSeconds"] == {"archive_consumer": 120}.get(function, 30)
    assert mapping["ParallelizationFactor"] == 2


@pytest.mark.parametrize(
    ("name", "layout"), [("truck-positions", POSITIONS_TABLE), ("truck-geofences", GEOFENCES_TABLE)]
)
def test_table_has_the_keys_the_code_uses(deployed: Deployed, name: str, layout: dict[str, Any]) -> None:
    dynamodb = deployed.stack.client("dynamodb")
    table = dynamodb.describe_table(TableName=name)["Table"]

    def by_name(entries: list[dict[str, Any]], key: str) -> list[dict[str, Any]]:
        return sorted(entries, key=lambda entry: str(entry[key]))

    assert table["KeySchema"] == layout["KeySchema"]
    assert by_name(table["AttributeDefinitions"], "AttributeName") == by_name(
        layout["AttributeDefinitions"], "AttributeName"
    )
    indexes = [
        {key: index[key] for key in ("IndexName", "KeySchema", "Projection")}
        for index in table.get("GlobalSecondaryIndexes", [])
    ]
    assert by_name(indexes, "IndexName") == by_name(layout.get("GlobalSecondaryIndexes", []), "IndexName")
    assert table["BillingModeSummary"]["BillingMode"] == "PROVISIONED"
    assert table["ProvisionedThroughput"]["ReadCapacityUnits"] == 48
    assert table["SSEDescription"]["Status"] == "ENABLED"
    assert table["DeletionProtectionEnabled"] is True
    backups = dynamodb.describe_continuous_backups(TableName=name)["ContinuousBackupsDescription"]
    assert backups["PointInTimeRecoveryDescription"]["PointInTimeRecoveryStatus"] == "ENABLED"


def test_tables_scale_from_what_was_planned_for_the_fleet(deployed: Deployed) -> None:
    scaling = deployed.stack.client("application-autoscaling")
    targets = scaling.describe_scalable_targets(ServiceNamespace="dynamodb")["ScalableTargets"]
    limits = {
        (each["ResourceId"], each["ScalableDimension"].split(":")[2]): (each["MinCapacity"], each["MaxCapacity"])
        for each in targets
    }
    assert limits == {
        ("table/truck-positions", "ReadCapacityUnits"): (48, 480),
        ("table/truck-positions", "WriteCapacityUnits"): (48, 480),
        ("table/truck-geofences", "ReadCapacityUnits"): (48, 480),
        ("table/truck-geofences", "WriteCapacityUnits"): (50, 500),
        ("table/truck-geofences/index/alerts_by_day", "WriteCapacityUnits"): (5, 50),
        ("table/truck-geofences/index/alerts_by_truck", "WriteCapacityUnits"): (5, 50),
    }
    policies = scaling.describe_scaling_policies(ServiceNamespace="dynamodb")["ScalingPolicies"]
    assert {each["TargetTrackingScalingPolicyConfiguration"]["TargetValue"] for each in policies} == {70.0}
    assert len(policies) == len(targets)


def test_what_trucks_publish_goes_to_the_stream_and_what_fails_to_the_queue(deployed: Deployed) -> None:
    rule = deployed.stack.client("iot").get_topic_rule(ruleName="truckstream_positions")["rule"]
    assert (rule["sql"], rule["ruleDisabled"]) == ("SELECT * FROM 'trucks/+/positions'", False)
    (action,) = rule["actions"]
    assert action["kinesis"]["streamName"] == "gps-coordinates-stream"
    assert action["kinesis"]["partitionKey"] == "${topic(2)}"
    assert rule["errorAction"]["sqs"]["queueUrl"].endswith("/truckstream-ingest-failed")
    policy = json.loads(deployed.stack.client("iot").get_policy(policyName="truckstream-truck")["policyDocument"])
    assert {statement["Action"] for statement in policy["Statement"]} == {"iot:Connect", "iot:Publish"}


@pytest.mark.parametrize("bucket", [ARCHIVE, RESULTS])
def test_bucket_is_private_and_encrypted(deployed: Deployed, bucket: str) -> None:
    s3 = deployed.stack.client("s3")
    assert set(s3.get_public_access_block(Bucket=bucket)["PublicAccessBlockConfiguration"].values()) == {True}
    rules = s3.get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"]["Rules"]
    assert rules[0]["ApplyServerSideEncryptionByDefault"] == {"SSEAlgorithm": "AES256"}
    only_tls = statements(s3.get_bucket_policy(Bucket=bucket)["Policy"])["OnlyTls"]
    assert (only_tls["Effect"], only_tls["Condition"]) == ("Deny", {"Bool": {"aws:SecureTransport": "false"}})
    assert only_tls["Resource"] == [f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/*"]
    ownership = s3.get_bucket_ownership_controls(Bucket=bucket)["OwnershipControls"]["Rules"]
    assert ownership == [{"ObjectOwnership": "BucketOwnerEnforced"}]


def test_archive_is_versioned_tiered_and_ages_by_rule(deployed: Deployed) -> None:
    s3 = deployed.stack.client("s3")
    assert s3.get_bucket_versioning(Bucket=ARCHIVE)["Status"] == "Enabled"
    rules = {rule["ID"]: rule for rule in s3.get_bucket_lifecycle_configuration(Bucket=ARCHIVE)["Rules"]}
    assert {rule["Status"] for rule in rules.values()} == {"Enabled"}
    tiering = rules["intelligent-tiering-positions"]
    assert tiering["Filter"]["Prefix"] == "positions/"
    assert tiering["Transitions"] == [{"Days": 0, "StorageClass": "INTELLIGENT_TIERING"}]
    expiring = {
        rule["Filter"]["Prefix"]: rule["Expiration"]["Days"]
        for rule in rules.values()
        if "Days" in rule.get("Expiration", {})
    }
    assert expiring == {"positions/": 1096, "hourly/": 1096, "rejected/": 90, "redriven/": 90, "aws/lambda/": 90}
    assert rules["housekeeping"]["NoncurrentVersionExpiration"] == {"NoncurrentDays": 7}
    assert rules["housekeeping"]["Expiration"] == {"ExpiredObjectDeleteMarker": True}
    assert rules["housekeeping"]["AbortIncompleteMultipartUpload"] == {"DaysAfterInitiation": 7}


def test_a_batch_that_lambda_gives_up_is_told_to_the_queue(deployed: Deployed) -> None:
    sqs = deployed.stack.client("sqs")
    url = sqs.get_queue_url(QueueName="truckstream-failed-batches")["QueueUrl"]
    while sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
        pass  # the bucket's test message
    s3 = deployed.stack.client("s3")
    s3.put_object(Bucket=ARCHIVE, Key="aws/lambda/mapping/shardId-0/2026-01-15T10.00.00-x", Body=b"{}")
    s3.put_object(Bucket=ARCHIVE, Key="elsewhere/x", Body=b"{}")
    messages = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10)["Messages"]
    keys = [
        unquote(record["s3"]["object"]["key"]) for each in messages for record in json.loads(each["Body"])["Records"]
    ]
    assert keys == ["aws/lambda/mapping/shardId-0/2026-01-15T10.00.00-x"]
    for key in (*keys, "elsewhere/x"):
        s3.delete_object(Bucket=ARCHIVE, Key=key)


@pytest.mark.parametrize(
    "queue", ["truckstream-failed-batches", "truckstream-failed-invocations", "truckstream-ingest-failed"]
)
def test_queue_is_encrypted_and_tls_only(deployed: Deployed, queue: str) -> None:
    sqs = deployed.stack.client("sqs")
    url = sqs.get_queue_url(QueueName=queue)["QueueUrl"]
    attributes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    assert attributes["SqsManagedSseEnabled"] == "true"
    assert attributes["MessageRetentionPeriod"] == "1209600"
    assert statements(attributes["Policy"])["OnlyTls"]["Effect"] == "Deny"


def test_topics_are_encrypted_and_filtered(deployed: Deployed) -> None:
    sns, kms = deployed.stack.client("sns"), deployed.stack.client("kms")
    for name in ("truckstream-alerts", "truckstream-operations"):
        arn = f"arn:aws:sns:{REGION}:{ACCOUNT}:{name}"
        attributes = sns.get_topic_attributes(TopicArn=arn)["Attributes"]
        key = attributes["KmsMasterKeyId"]
        assert kms.get_key_rotation_status(KeyId=key)["KeyRotationEnabled"] is True
        policy = statements(kms.get_key_policy(KeyId=key, PolicyName="default")["Policy"])
        assert "cloudwatch.amazonaws.com" in policy["AlarmsAndBudgetsPublish"]["Principal"]["Service"]
        assert statements(attributes["Policy"])["OnlyTls"]["Effect"] == "Deny"
    alerts = f"arn:aws:sns:{REGION}:{ACCOUNT}:truckstream-alerts"
    (subscription,) = sns.list_subscriptions_by_topic(TopicArn=alerts)["Subscriptions"]
    found = sns.get_subscription_attributes(SubscriptionArn=subscription["SubscriptionArn"])["Attributes"]
    assert json.loads(found["FilterPolicy"]) == {"alert_type": ["exit"]}
    assert found["RawMessageDelivery"] == "true"


def test_log_lines_do_not_stay_for_ever(deployed: Deployed) -> None:
    groups = deployed.stack.client("logs").describe_log_groups(logGroupNamePrefix="/aws/lambda/")["logGroups"]
    assert {group["logGroupName"]: group["retentionInDays"] for group in groups} == {
        f"/aws/lambda/{deployed.stack.name(function)}": 90 for function in FUNCTIONS
    }
