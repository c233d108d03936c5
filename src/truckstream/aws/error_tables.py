"""What botocore's errors mean: one table for the codes services answer, one for the classes botocore raises.

The tests fail when botocore grows a class, or an operation we call a modelled error, that is in neither.
"""

from typing import Final, NamedTuple

import botocore.exceptions as raised

from truckstream.core.errors import (
    Denied,
    InvalidInput,
    InvalidSetting,
    StorageDamaged,
    StorageFull,
    Throttled,
    TruckstreamError,
    Unavailable,
)

_SLOW_DOWN: Final = """
    BandwidthLimitExceeded EC2ThrottledException KMSThrottling KMSThrottlingException LimitExceededException
    PriorRequestNotComplete ProvisionedThroughputExceeded ProvisionedThroughputExceededException RequestLimitExceeded
    RequestThrottled RequestThrottledException SlowDown ThrottledException Throttling ThrottlingError
    ThrottlingException TooManyRequests TooManyRequestsException TransactionInProgressException 429 OverLimit
    KmsThrottled
"""

_NO_ANSWER: Final = """
    InternalError InternalFailure InternalFailureException InternalServerError InternalServerException
    ServerException ServiceException ServiceFailure ServiceUnavailable ServiceUnavailableException Unavailable
    RequestTimeout RequestTimeoutException IncompleteBody MetadataException BadDigest 500 502 503 504
"""

# Someone else was there at the same time, or what was asked for is not ready: the same call may succeed later.
_NOT_NOW: Final = """
    ConditionalCheckFailed ConditionalCheckFailedException ConditionalRequestConflict OperationAborted
    PreconditionFailed 412 ReplicatedWriteConflictException ResourceInUseException TransactionCanceledException
    TransactionConflict TransactionConflictException ExpiredIteratorException ExpiredNextTokenException DuplicateItem
    InvalidNextToken ReceiptHandleIsInvalid
"""

_NO_PERMISSION: Final = """
    AccessDenied AccessDeniedException AllAccessDisabled AuthorizationError AuthorizationErrorException Forbidden 403
    UnauthorizedOperation NotAuthorized KMSAccessDenied KMSAccessDeniedException InvalidSecurity
    AccountProblem AuthFailure NotSignedUp OptInRequired KMSOptInRequired SubscriptionRequiredException
    KmsAccessDenied KmsOptInRequired
"""

_BAD_CREDENTIALS: Final = """
    IncompleteSignature IncompleteSignatureException InvalidAccessKeyId InvalidClientTokenId InvalidSignatureException
    MissingAuthenticationToken MissingAuthenticationTokenException SignatureDoesNotMatch UnrecognizedClientException
    InvalidToken 401
"""

_EXPIRED_CREDENTIALS: Final = "ExpiredToken ExpiredTokenException RequestExpired TokenRefreshRequired"

_WRONG_CLOCK: Final = "RequestTimeTooSkewed"

_NO_SUCH_PART: Final = """
    NoSuchBucket NotFound NotFoundException ResourceNotFoundException TableNotFoundException
    EntityNotFoundException 404 QueueDoesNotExist InvalidAddress
"""

_WRONG_REGION: Final = "AuthorizationHeaderMalformed IllegalLocationConstraintException PermanentRedirect 301 Redirect"

_KEY_UNUSABLE: Final = """
    KMSDisabled KMSDisabledException KMSInvalidState KMSInvalidStateException KMSNotFound KMSNotFoundException
    EncryptionTypeMismatch KmsDisabled KmsInvalidState KmsInvalidKeyUsage KmsNotFound
"""

_ARCHIVED: Final = "InvalidObjectState ObjectNotInActiveTierError"

_UNUSABLE_TOPIC: Final = "EndpointDisabled PlatformApplicationDisabled"

_QUOTA: Final = "ItemCollectionSizeLimitExceeded ItemCollectionSizeLimitExceededException QuotaExceeded"

_REFUSED: Final = """
    BatchEntryIdsNotDistinct BatchRequestTooLong DryRunOperationException EmptyBatchRequest EntityTooLarge
    EntityTooSmall IdempotentParameterMismatchException InvalidArgument InvalidArgumentException
    InvalidBatchEntryId InvalidBucketName InvalidDigest InvalidParameter InvalidParameterException
    InvalidParameterValue InvalidRequest InvalidRequestException InvalidWriteOffset KeyTooLongError MalformedXML
    MethodNotAllowed MissingContentLength NoSuchKey ParameterValueInvalid SerializationException
    TooManyEntriesInBatchRequest TooManyParts UnknownOperationException ValidationError ValidationException 400
    InvalidIdFormat InvalidParameterValueException UnsupportedOperation
"""


class Meaning(NamedTuple):
    """What an answer means: the class, what to say of the operation, and what to do.

    {variable}, {permission} and {resource} are filled in by `errors`.
    """

    error: type[TruckstreamError]
    says: str
    hint: str


_DEPLOYED = "Set {variable} to the name in the deployed stack's outputs, and AWS_REGION to its region."
_MEANINGS: Final = [
    (_SLOW_DOWN, Meaning(Throttled, "asked to slow down", "Try again, or give the part more capacity.")),
    (_NO_ANSWER, Meaning(Unavailable, "failed on the AWS side", "Try again; if it persists, see the AWS health page.")),
    (_NOT_NOW, Meaning(Unavailable, "cannot be done at this moment", "Try again.")),
    (_NO_PERMISSION, Meaning(Denied, "lacks the permission {permission}", "Grant {permission} on the {resource}.")),
    (_BAD_CREDENTIALS, Meaning(Denied, "was sent with credentials AWS does not know", "Check the AWS credentials.")),
    (_EXPIRED_CREDENTIALS, Meaning(Denied, "was sent with expired credentials", "Renew the AWS credentials.")),
    (_WRONG_CLOCK, Meaning(Denied, "was sent with a wrong time", "Set this machine's clock.")),
    (_NO_SUCH_PART, Meaning(InvalidSetting, "found no such thing (set by {variable})", _DEPLOYED)),
    (_WRONG_REGION, Meaning(InvalidSetting, "went to the wrong region", "Set AWS_REGION to the region of the stack.")),
    (_KEY_UNUSABLE, Meaning(InvalidSetting, "cannot use its encryption key", "Enable the KMS key of the {resource}.")),
    (_ARCHIVED, Meaning(InvalidSetting, "met an object in an archive tier", "Restore the object, then try again.")),
    (_UNUSABLE_TOPIC, Meaning(InvalidSetting, "met a disabled endpoint", "Enable it, or remove the subscription.")),
    (_QUOTA, Meaning(StorageFull, "met a full quota", "Raise the quota, or remove what is not needed.")),
    (
        _REFUSED,
        Meaning(InvalidInput, "was refused as wrong", "This is likely a fault of truckstream: please report it."),
    ),
]
BY_CODE: Final = {code: meaning for codes, meaning in _MEANINGS for code in codes.split()}

NETWORK = Meaning(Unavailable, "got no answer", "Check the network, AWS_ENDPOINT_URL and AWS_CA_BUNDLE.")
_DAMAGED_ANSWER = Meaning(Unavailable, "got a damaged answer", "Try again.")
_NO_CREDENTIALS = Meaning(Denied, "has no usable AWS credentials", "Sign in, or set AWS_PROFILE or AWS_ACCESS_KEY_ID.")
_BAD_SETUP = Meaning(InvalidSetting, "met a wrong AWS setting", "Check AWS_REGION, AWS_ENDPOINT_URL and ~/.aws/config.")
_BAD_NAME = Meaning(InvalidSetting, "was given an impossible value (see {variable})", "Check {variable}.")
_BAD_INSTALLATION = Meaning(StorageDamaged, "met a damaged botocore", "Install 'truckstream[aws]' again.")

BY_CLASS: Final = {
    name: meaning
    for meaning, names in (
        (
            NETWORK,
            """
            HTTPClientError ConnectionError EndpointConnectionError MetadataRetrievalError
            CapacityNotAvailableError
            """,
        ),
        (
            _DAMAGED_ANSWER,
            """
            ChecksumError FlexibleChecksumError IncompleteReadError AwsChunkedWrapperError PaginationError
            UnseekableStreamError ResponseParserError
            """,
        ),
        (
            _NO_CREDENTIALS,
            """
            NoCredentialsError PartialCredentialsError CredentialRetrievalError UnknownCredentialError
            NoAuthTokenError TokenRetrievalError UnknownTokenProviderError RefreshWithMFAUnsupportedError
            SSOError LoginError
            """,
        ),
        (
            _BAD_SETUP,
            """
            BaseEndpointResolverError EndpointProviderError ConfigNotFound ConfigParseError InvalidConfigError
            InvalidChecksumConfigError InvalidDefaultsMode InvalidDNSNameError InvalidEndpointConfigurationError
            InvalidEndpointDiscoveryConfigurationError InvalidHostLabelError InvalidIMDSEndpointError
            InvalidIMDSEndpointModeError InvalidProxiesConfigError InvalidRegionError
            InvalidRetryConfigurationError InvalidS3AddressingStyleError
            InvalidS3UsEast1RegionalEndpointConfigError InvalidSTSRegionalEndpointsConfigError ProfileNotFound
            ServiceNotInRegionError UnknownRegionError UnknownSignatureVersionError
            UnsupportedSignatureVersionError UnsupportedOutpostResourceError
            UnsupportedS3AccesspointConfigurationError UnsupportedS3ArnError UnsupportedS3ConfigurationError
            UnsupportedS3ControlArnError UnsupportedS3ControlConfigurationError
            """,
        ),
        (
            _BAD_NAME,
            """
            ParamValidationError ValidationError MissingParametersError
            """,
        ),
        (
            _BAD_INSTALLATION,
            """
            ApiVersionNotFoundError DataNotFoundError MD5UnavailableError MissingDependencyException
            UndefinedModelAttributeError UnknownServiceStyle UnsupportedServiceProtocolsError
            """,
        ),
    )
    for name in names.split()
}
"""By name, because an older botocore, such as the one a Lambda runtime brings, lacks the newest classes."""

OUR_BUGS: Final = (
    raised.InvalidExpressionError,
    raised.OperationNotPageableError,
    raised.StubResponseError,
    raised.UnknownClientMethodError,
    raised.WaiterConfigError,
    raised.WaiterError,
)
"""Mistakes in this package's own calls (and of botocore's test stubs): they pass as they are."""
