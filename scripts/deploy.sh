#!/bin/sh
# Deploys the whole system to AWS: checks, builds, plans, asks, applies, and proves it with one position.
set -eu
root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd -P)

usage() {
    cat <<'END'
Usage: scripts/deploy.sh [OPTION...]

  --yes               do not ask (for CI)
  --var-file FILE     values of variables (default: terraform.tfvars in the configuration's folder)
  --config FOLDER     another folder of configuration, such as a copy of terraform/ with a backend
  --arch MACHINE      arm64 (default) or x86_64: what the functions run on
  --no-smoke-test     stop after apply
  --destroy           remove everything, data included; asks for the bucket's name
                      (with --yes: TRUCKSTREAM_DESTROY has to be the bucket's name)

Environment:
  AWS_REGION, AWS_PROFILE, ...   where and as whom; whatever the AWS tools take
  TF_PLUGIN_DIR                  folder with the AWS provider, instead of the registry

Example: AWS_REGION=eu-central-1 scripts/deploy.sh
END
}

say() { echo "deploy: $*" >&2; }

stop() {
    echo "error: $1" >&2
    echo "hint: $2" >&2
    exit 1
}

yes=
config=$root/terraform
var_file=
arch=
smoke_test=1
destroy=
while [ $# -gt 0 ]; do
    case $1 in
    --help | -h) usage && exit 0 ;;
    --yes) yes=1 ;;
    --no-smoke-test) smoke_test= ;;
    --destroy) destroy=1 ;;
    --var-file | --config | --arch)
        [ $# -ge 2 ] || stop "$1 needs a value" "See scripts/deploy.sh --help."
        case $1 in
        --var-file)
            [ -f "$2" ] || stop "there is no $2" "Name the file of values with --var-file."
            var_file=$(CDPATH='' cd -- "$(dirname -- "$2")" && pwd -P)/$(basename -- "$2")
            ;;
        --config)
            [ -d "$2" ] || stop "there is no folder $2" "Name a folder of Terraform configuration with --config."
            config=$(CDPATH='' cd -- "$2" && pwd -P)
            ;;
        --arch) arch=$2 ;;
        esac
        shift
        ;;
    *) stop "there is no option $1" "See scripts/deploy.sh --help." ;;
    esac
    shift
done
[ -n "$var_file" ] || var_file=$config/terraform.tfvars
[ -f "$var_file" ] || stop "there is no $var_file" "Name the file of values with --var-file."
case $arch in '' | arm64 | x86_64) ;; *) stop "--arch $arch is not a machine" "Use arm64 or x86_64." ;; esac

# --- tools and credentials --------------------------------------------------------------------------------------

command -v terraform >/dev/null 2>&1 ||
    stop "terraform is not installed" "Install Terraform 1.5 or newer: https://developer.hashicorp.com/terraform/install."
version=$(terraform version -json | sed -n 's/.*"terraform_version": *"\([0-9.]*\).*/\1/p')
case $version in
0.* | 1.[0-4] | 1.[0-4].*) stop "Terraform $version is too old" "Install Terraform 1.5 or newer." ;;
esac

"$root/scripts/setup.sh" run
python=$root/.venv/bin/python
if ! "$python" -c 'import boto3' 2>/dev/null; then
    say "installing boto3 (scripts/deploy.txt)"
    uv=$root/.tools/uv/bin/uv
    ! command -v uv >/dev/null 2>&1 || uv=uv
    if "$uv" --version >/dev/null 2>&1; then
        "$uv" pip install -q --python "$python" --require-hashes -r "$root/scripts/deploy.txt"
    else
        "$python" -m pip install -q --disable-pip-version-check --require-hashes -r "$root/scripts/deploy.txt"
    fi
fi
"$python" "$root/scripts/deployment.py" identity

# --- terraform --------------------------------------------------------------------------------------------------

tf() { terraform -chdir="$config" "$@"; }

set -- "-var-file=$var_file"
[ -z "$arch" ] || set -- "$@" "-var=architecture=$arch"
if [ "$config" != "$root/terraform" ]; then
    set -- "$@" "-var=packages_folder=$root/dist" "-var=sql_folder=$root/src/truckstream/sql"
fi

if [ -n "${TF_PLUGIN_DIR:-}" ]; then
    tf init -input=false "-plugin-dir=$TF_PLUGIN_DIR" >/dev/null
else
    tf init -input=false >/dev/null
fi

if [ -n "$destroy" ]; then
    bucket=$(tf output -raw archive_bucket_name 2>/dev/null) ||
        stop "there is nothing to destroy: the state has no bucket" "Check --config and the backend of the state."
    if [ -n "$yes" ]; then
        answer=${TRUCKSTREAM_DESTROY:-}
    else
        printf 'This deletes the archive and all tables. To go on, type the name of the bucket (%s): ' "$bucket" >&2
        read -r answer || answer=
    fi
    [ "$answer" = "$bucket" ] || stop "nothing was destroyed: the answer is not $bucket" \
        "Type the bucket's name, or with --yes set TRUCKSTREAM_DESTROY=$bucket."
    # Of tables and archive alone: nothing else is to change on the way out, and no package has to be there for it.
    say "taking deletion protection away"
    tf apply -input=false -auto-approve -target=module.dynamodb -target=module.archive \
        "$@" -var=deletion_protection=false >/dev/null
    tf destroy -input=false -auto-approve "$@" -var=deletion_protection=false
    exit 0
fi

"$root/scripts/build.sh" --arch "${arch:-arm64}" >/dev/null
say "packages are in dist/"
plan=$(mktemp)
trap 'rm -f "$plan"' EXIT
tf plan -input=false "-out=$plan" "$@"
if [ -z "$yes" ]; then
    printf 'Apply this plan? Type yes: ' >&2
    read -r answer || answer=
    [ "$answer" = yes ] || stop "nothing was applied" "Run again and answer yes, or give --yes."
fi
tf apply -input=false "$plan"

if [ -n "$smoke_test" ]; then
    tf output -json environment | "$python" "$root/scripts/deployment.py" smoke-test
fi
tf output
