//! Questions in a guided lesson, and the debrief at its end.

use anyhow::Result;
use owo_colors::Style;

use super::{Flow, Guide, Wish};
use crate::cli::lesson::screen::Screen;
use crate::lessons::model::Quiz;

impl Guide<'_> {
    /// Asks until the right answer is given, or wanted; each wrong one is told why it is.
    pub(super) fn quiz(&mut self, quiz: &Quiz) -> Result<Flow> {
        let screen = Screen::new(self.ui);
        screen.question(quiz);
        let letters: Vec<&str> = quiz.options.keys().map(String::as_str).collect();
        let (last, others) = letters.split_last().map_or(("", &letters[..]), |(last, others)| (*last, others));
        let prompt = format!("{} or {last}? ", others.join(", "));
        self.ui.out("\n");
        let mut tried: Vec<String> = Vec::new();
        loop {
            let word = match self.ask("", &prompt, "")? {
                Wish::Back => return Ok(Flow::Back),
                Wish::Quit => return Ok(Flow::Quit),
                Wish::Enter | Wish::Ran => continue,
                Wish::Word(word) => word.trim_end_matches([')', '.']).to_lowercase(),
            };
            match word.as_str() {
                _ if word == quiz.answer => {
                    self.count(tried.is_empty());
                    let right = self.ui.paint("Right.", Style::new().green().bold());
                    screen.answer(&right, quiz);
                    return Ok(Flow::On);
                }
                "hint" => {
                    screen.prose(quiz.hint.as_deref().unwrap_or("There is no hint for this one."));
                    self.ui.out("\n");
                }
                "question" | "again" => screen.question(quiz),
                "skip" | "answer" | "solution" => {
                    self.count(false);
                    screen.answer(&format!("It is {}: {}", quiz.answer, quiz.right()), quiz);
                    return Ok(Flow::On);
                }
                _ if !quiz.options.contains_key(&word) => {
                    self.say(
                        "A letter, please; hint, question or answer; or a command, if you would rather look first.\n",
                    );
                }
                _ => {
                    let reason = quiz.reasons.get(&word).map_or("", String::as_str);
                    let hint = quiz.hint.as_deref().filter(|_| tried.is_empty()).unwrap_or_default();
                    screen.prose(format!("Not {word}. {reason} {hint}").trim());
                    if !tried.contains(&word) {
                        tried.push(word);
                    }
                    if tried.len() + 1 == letters.len() {
                        self.count(false);
                        screen.answer(&format!("That leaves {}: {}", quiz.answer, quiz.right()), quiz);
                        return Ok(Flow::On);
                    }
                    self.ui.out("\n");
                }
            }
        }
    }

    fn count(&mut self, right: bool) {
        self.reached.asked += 1;
        self.reached.right += u32::from(right);
    }

    /// What was learnt, and questions about it.
    pub(super) fn debrief(&mut self) -> Result<()> {
        let front = &self.lesson.front;
        if !front.review.is_empty() {
            self.say("\nBefore you go, once more from memory:\n");
        }
        for quiz in &front.review {
            if matches!(self.quiz(quiz)?, Flow::Quit) {
                break;
            }
        }
        if !front.learnt.is_empty() {
            let rules: Vec<String> = front.learnt.iter().map(|rule| format!("- {rule}")).collect();
            Screen::new(self.ui).prose(&format!("What to remember:\n\n{}", rules.join("\n")));
        }
        if self.reached.asked > 0 {
            let (right, asked) = (self.reached.right, self.reached.asked);
            self.say(&format!("\nYou foresaw {right} of {asked} at once.\n"));
        }
        Ok(())
    }
}
