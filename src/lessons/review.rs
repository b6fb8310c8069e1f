//! Questions that were answered wrong, and when they are asked again: a day later, then in longer and longer spans.

use serde::{Deserialize, Serialize};

use super::model::{Block, Lesson, Quiz};

/// After how many days a question comes back, by how often it was answered rightly since.
const SPANS: [i64; 4] = [1, 3, 7, 21];

/// A question to be asked again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Missed {
    /// The lesson, as the progress calls it.
    pub lesson: String,
    /// The question's text.
    pub question: String,
    /// How often in a row it was answered rightly since.
    pub right: usize,
    /// The day from which on it is asked, counted from 1970.
    pub due: i64,
}

/// Notes that a question was answered wrong.
pub fn miss(missed: &mut Vec<Missed>, lesson: &str, question: &str, today: i64) {
    missed.retain(|m| m.lesson != lesson || m.question != question);
    missed.push(Missed { lesson: lesson.to_string(), question: question.to_string(), right: 0, due: today + SPANS[0] });
}

/// Notes an answer of a review: a right one puts the question off, and in the end away.
pub fn answer(missed: &mut Vec<Missed>, lesson: &str, question: &str, right: bool, today: i64) {
    if !right {
        return miss(missed, lesson, question, today);
    }
    for m in missed.iter_mut().filter(|m| m.lesson == lesson && m.question == question) {
        m.right += 1;
        m.due = today + SPANS.get(m.right).copied().unwrap_or(0);
    }
    missed.retain(|m| m.right < SPANS.len());
}

/// All questions of a lesson, those of its end included.
pub fn questions(lesson: &Lesson) -> impl Iterator<Item = &Quiz> {
    let blocks = lesson.steps.iter().flat_map(|step| &step.blocks);
    let asked = blocks.filter_map(|block| match block {
        Block::Quiz(quiz) => Some(quiz),
        _ => None,
    });
    asked.chain(&lesson.front.review)
}

#[cfg(test)]
mod tests {
    use super::{answer, miss};

    #[test]
    fn what_was_wrong_comes_back_after_longer_and_longer_spans() {
        let mut missed = Vec::new();
        miss(&mut missed, "static-pv", "Why?", 100);
        miss(&mut missed, "static-pv", "Why?", 101);
        let due = |missed: &[super::Missed]| missed.iter().map(|m| m.due).collect::<Vec<_>>();
        assert_eq!(due(&missed), [102]);
        let mut days = Vec::new();
        for day in [102, 105, 112] {
            answer(&mut missed, "static-pv", "Why?", true, day);
            days.extend(due(&missed));
        }
        assert_eq!(days, [105, 112, 133]);
        answer(&mut missed, "static-pv", "Why?", false, 133);
        assert_eq!(due(&missed), [134]);
        for day in [134, 137, 144, 165] {
            answer(&mut missed, "static-pv", "Why?", true, day);
        }
        assert!(missed.is_empty());
    }
}
