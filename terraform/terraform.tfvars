# The first deployment: a simulated fleet of 50 trucks, so that there is something to see.
# Set simulated_trucks = 0 when real trucks send. All variables: variables.tf. For a real fleet, `truckstream plan
# --trucks 1000 --every 5` prints those that fit it: as they are here, a thousand trucks cost four times as much.

shard_count      = 4
retention_hours  = 24
simulated_trucks = 50

# operations_emails         = ["oncall@example.com"]
# monthly_charges_alarm_usd = 150
# deletion_protection       = false # before a destroy

tags = {
  environment = "production"
}
