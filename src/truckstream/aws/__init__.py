"""The same ports on AWS: Kinesis, DynamoDB, SNS, S3 and Athena. The only package that knows boto3."""
