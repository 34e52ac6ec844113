//! The host names of services in a region.

/// The domains of all partitions except the commercial one, by the prefix of their regions.
const PARTITIONS: [(&str, &str); 6] = [
    ("cn-", "amazonaws.com.cn"),
    ("eusc-", "amazonaws.eu"),
    ("us-iso-", "c2s.ic.gov"),
    ("us-isob-", "sc2s.sgov.gov"),
    ("us-isof-", "csp.hci.ic.gov"),
    ("eu-isoe-", "cloud.adc-e.uk"),
];

/// Returns the host of Lambda in `region`.
pub(crate) fn lambda_host(region: &str) -> String {
    let known = PARTITIONS.iter().find(|(prefix, _)| region.starts_with(prefix));
    format!("lambda.{region}.{}", known.map_or("amazonaws.com", |(_, domain)| domain))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_partition_has_a_domain_of_its_own() {
        for (region, host) in [
            ("eu-central-1", "lambda.eu-central-1.amazonaws.com"),
            ("us-gov-west-1", "lambda.us-gov-west-1.amazonaws.com"),
            ("cn-north-1", "lambda.cn-north-1.amazonaws.com.cn"),
            ("us-iso-east-1", "lambda.us-iso-east-1.c2s.ic.gov"),
            ("us-isob-east-1", "lambda.us-isob-east-1.sc2s.sgov.gov"),
        ] {
            assert_eq!(lambda_host(region), host);
        }
    }
}
