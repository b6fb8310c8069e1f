//! PriorityLevelConfiguration: how many requests of a level are answered at once, and how many may wait.
//!
//! Mirrors `pkg/registry/flowcontrol/prioritylevelconfiguration/strategy.go` and `pkg/apis/flowcontrol/validation`.

use super::{EXEMPT, bootstrap, validate_conditions};
use crate::api::k8s::api::flowcontrol::v1::{
    ExemptPriorityLevelConfiguration, LimitResponse, LimitedPriorityLevelConfiguration, PriorityLevelConfiguration,
    PriorityLevelConfigurationSpec, QueuingConfiguration,
};
use crate::error::FieldError;
use crate::kinds::shared::access::{items, text};
use crate::kinds::shared::faults::Faults;
use crate::kinds::shared::internal::Internal;
use crate::kinds::shared::print;
use crate::kinds::{Column, PrintContext, Strategy};

const COLUMNS: &[Column] = &[
    Column::new("NAME"),
    Column::new("TYPE"),
    Column::new("ASSUREDCONCURRENCYSHARES").until(25),
    Column::new("NOMINALCONCURRENCYSHARES").since(26),
    Column::new("QUEUES"),
    Column::new("HANDSIZE"),
    Column::new("QUEUELENGTHLIMIT"),
    Column::new("AGE"),
];

const MAX_QUEUES: i32 = 10_000_000;

/// How many bits a hand of queues may be drawn with. Mirrors `shufflesharding.MaxHashBits`.
const MAX_HASH_BITS: i32 = 60;

/// What an older version of the API kept in this annotation, which nobody else may use.
const PRESERVE_ZERO: &str = "flowcontrol.k8s.io/v1beta3-preserve-zero-concurrency-shares";

impl Strategy for PriorityLevelConfiguration {
    const GENERATION: bool = true;
    crate::spec_and_status!();

    fn set_defaults(&mut self) {
        let Some(spec) = &mut self.spec else { return };
        if let Some(exempt) = &mut spec.exempt {
            exempt.nominal_concurrency_shares.get_or_insert(0);
            exempt.lendable_percent.get_or_insert(0);
        }
        let Some(limited) = &mut spec.limited else { return };
        limited.nominal_concurrency_shares.get_or_insert(30);
        limited.lendable_percent.get_or_insert(0);
        if let Some(queuing) = limited.limit_response.as_mut().and_then(|r| r.queuing.as_mut()) {
            let fill = |field: &mut Option<i32>, value| *field = field.filter(|n| *n != 0).or(Some(value));
            fill(&mut queuing.hand_size, 8);
            fill(&mut queuing.queues, 64);
            fill(&mut queuing.queue_length_limit, 50);
        }
    }

    fn validate(&self) -> Vec<FieldError> {
        let (name, spec) = (text(&self.metadata.name), self.spec.clone().unwrap_or_default());
        let mut faults = Faults::default();
        if self.metadata.annotations.as_ref().is_some_and(|a| a.contains_key(PRESERVE_ZERO)) {
            faults.forbidden("metadata", "annotations", &format!("annotation '{PRESERVE_ZERO}' is forbidden"));
        }
        validate_spec(name, &spec, &mut faults);
        if let Some(detail) = changes_what_is_fixed(name, &spec) {
            faults.invalid("spec", "", Internal::of("PriorityLevelConfigurationSpec", &spec), &detail);
        }
        faults.0
    }

    fn validate_status_update(&self, _old: &Self) -> Vec<FieldError> {
        let status = self.status.clone().unwrap_or_default();
        validate_conditions(items(&status.conditions).iter().map(|c| text(&c.type_)))
    }

    fn columns() -> &'static [Column] {
        COLUMNS
    }

    fn row(&self, context: &PrintContext<'_>) -> Vec<String> {
        let limited = self.spec.as_ref().and_then(|s| s.limited.as_ref());
        let queuing = limited.and_then(|l| l.limit_response.as_ref()).and_then(|r| r.queuing.as_ref());
        let cell = |number: Option<Option<i32>>| {
            number.map_or_else(|| "<none>".to_string(), |number| number.unwrap_or(0).to_string())
        };
        let shares = cell(limited.map(|l| l.nominal_concurrency_shares));
        vec![
            text(&self.metadata.name).into(),
            self.spec.as_ref().map(|s| s.type_.clone()).unwrap_or_default(),
            shares.clone(),
            shares,
            cell(queuing.map(|q| q.queues)),
            cell(queuing.map(|q| q.hand_size)),
            cell(queuing.map(|q| q.queue_length_limit)),
            print::age(&self.metadata, context),
        ]
    }
}

/// Mirrors `ValidateIfMandatoryPriorityLevelConfigurationObject`.
fn changes_what_is_fixed(name: &str, spec: &PriorityLevelConfigurationSpec) -> Option<String> {
    if !bootstrap::is_mandatory(name) {
        return None;
    }
    let mut all = bootstrap::priority_level_configurations().into_iter();
    let fixed = all.find(|level| text(&level.metadata.name) == name).and_then(|level| level.spec)?;
    if name == EXEMPT {
        let have = PriorityLevelConfigurationSpec { exempt: fixed.exempt.clone(), ..spec.clone() };
        let detail = format!("spec of '{name}' except the 'spec.exempt' field must equal the fixed value");
        return (have != fixed).then_some(detail);
    }
    (*spec != fixed).then(|| format!("spec of '{name}' must equal the fixed value"))
}

/// Mirrors `ValidatePriorityLevelConfigurationSpec`.
fn validate_spec(name: &str, spec: &PriorityLevelConfigurationSpec, faults: &mut Faults) {
    if (name == EXEMPT) != (spec.type_ == "Exempt") {
        let detail = "must be 'Exempt' if and only if `name` is 'exempt'";
        faults.invalid("spec", "type", &spec.type_, detail);
    }
    match (spec.type_.as_str(), &spec.limited, &spec.exempt) {
        ("Exempt", limited, exempt) => {
            if limited.is_some() {
                faults.forbidden("spec", "limited", "must be nil if the type is not Limited");
            }
            exempt.iter().for_each(|exempt| validate_exempt(exempt, faults));
        }
        ("Limited", limited, exempt) => {
            if exempt.is_some() {
                faults.forbidden("spec", "exempt", "must be nil if the type is Limited");
            }
            match limited {
                None => faults.required_for("spec", "limited", "must not be empty when type is Limited"),
                Some(limited) => validate_limited(limited, faults),
            }
        }
        (other, ..) => faults.one_of("spec", "type", other, &["Exempt", "Limited"]),
    }
}

fn validate_percent(percent: Option<i32>, path: &str, faults: &mut Faults) {
    if let Some(percent) = percent.filter(|n| !(0..=100).contains(n)) {
        faults.invalid(path, "lendablePercent", percent, "must be between 0 and 100, inclusive");
    }
}

fn validate_exempt(exempt: &ExemptPriorityLevelConfiguration, faults: &mut Faults) {
    let path = "spec.exempt";
    if let Some(shares) = exempt.nominal_concurrency_shares.filter(|n| *n < 0) {
        faults.invalid(path, "nominalConcurrencyShares", shares, "must be a non-negative integer");
    }
    validate_percent(exempt.lendable_percent, path, faults);
}

fn validate_limited(limited: &LimitedPriorityLevelConfiguration, faults: &mut Faults) {
    let path = "spec.limited";
    if let Some(shares) = limited.nominal_concurrency_shares.filter(|n| *n < 0) {
        faults.invalid(path, "nominalConcurrencyShares", shares, "must be a non-negative integer");
    }
    validate_response(&limited.limit_response.clone().unwrap_or_default(), faults);
    validate_percent(limited.lendable_percent, path, faults);
    if let Some(percent) = limited.borrowing_limit_percent.filter(|n| *n < 0) {
        let detail = "if specified, must be a non-negative integer";
        faults.invalid(path, "borrowingLimitPercent", percent, detail);
    }
}

fn validate_response(response: &LimitResponse, faults: &mut Faults) {
    let path = "spec.limited.limitResponse";
    match (response.type_.as_str(), &response.queuing) {
        ("Reject", Some(_)) => {
            faults.forbidden(path, "queuing", "must be nil if limited.limitResponse.type is not Limited");
        }
        ("Reject", None) => {}
        ("Queue", None) => {
            faults.required_for(path, "queuing", "must not be empty if limited.limitResponse.type is Limited");
        }
        ("Queue", Some(queuing)) => validate_queuing(queuing, faults),
        (other, _) => faults.one_of(path, "type", other, &["Queue", "Reject"]),
    }
}

/// Mirrors `ValidatePriorityLevelQueuingConfiguration`.
fn validate_queuing(queuing: &QueuingConfiguration, faults: &mut Faults) {
    let path = "spec.limited.limitResponse.queuing";
    let number = |field: Option<i32>| field.unwrap_or(0);
    let (length, queues, hand) =
        (number(queuing.queue_length_limit), number(queuing.queues), number(queuing.hand_size));
    if length <= 0 {
        faults.invalid(path, "queueLengthLimit", length, "must be positive");
    }
    if queues <= 0 {
        faults.invalid(path, "queues", queues, "must be positive");
    } else if queues > MAX_QUEUES {
        faults.invalid(path, "queues", queues, &format!("must not be greater than {MAX_QUEUES}"));
    }
    let entropy = (f64::from(queues).log2() * f64::from(hand)).ceil() as i32;
    if hand <= 0 {
        faults.invalid(path, "handSize", hand, "must be positive");
    } else if hand > queues {
        faults.invalid(path, "handSize", hand, &format!("should not be greater than queues ({queues})"));
    } else if entropy > MAX_HASH_BITS {
        let detail = format!(
            "required entropy bits of deckSize {queues} and handSize {hand} should not be greater than {MAX_HASH_BITS}"
        );
        faults.invalid(path, "handSize", hand, &detail);
    }
}
