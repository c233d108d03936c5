# The whole system with its defaults: run scripts/build.sh, then terraform init and apply here.
terraform {
  required_version = ">= 1.5"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.100, < 7.0"
    }
  }
}

provider "aws" {
  region = "eu-central-1"
}

module "truckstream" {
  source = "../.."
}

output "environment" {
  description = "What the command line needs to know."
  value       = module.truckstream.environment
}
