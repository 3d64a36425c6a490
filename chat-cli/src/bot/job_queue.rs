//! The job queue: limits how many jobs run at once and how many wait, and runs the jobs of one requester in order.

use std::collections::{HashSet, VecDeque};

use super::job::{Job, Requester};

/// The jobs of all requesters.
#[derive(Debug)]
pub(crate) struct JobQueue {
    max_running: usize,
    /// How many jobs may wait in total, and of one requester.
    max_queued: (usize, usize),
    running: HashSet<Requester>,
    queued: VecDeque<Job>,
    /// The requesters that have been told that the queue is full.
    refused: HashSet<Requester>,
}

/// The outcome of submitting a job.
#[derive(Debug, Eq, PartialEq)]
pub(crate) enum Admission {
    /// The job runs now.
    Run(Job),
    /// The job waits for its turn.
    Queued,
    /// The queue is full; the requester has to be told.
    Refused(Requester),
    /// The queue is full, and the requester has been told before.
    RefusedAgain,
}

impl JobQueue {
    /// A queue that runs the jobs of `max_running` requesters at once; further jobs wait.
    pub(crate) fn new(max_running: usize) -> JobQueue {
        JobQueue {
            max_running,
            max_queued: (MAX_QUEUED, MAX_QUEUED_OF_ONE),
            running: HashSet::new(),
            queued: VecDeque::new(),
            refused: HashSet::new(),
        }
    }

    /// A queue in which no job can wait.
    pub(crate) fn without_queue(max_running: usize) -> JobQueue {
        JobQueue { max_queued: (0, 0), ..JobQueue::new(max_running) }
    }

    /// Adds `job`: it runs, waits or is refused.
    pub(crate) fn submit(&mut self, job: Job) -> Admission {
        if self.running.len() < self.max_running && !self.running.contains(&job.requester) {
            self.running.insert(job.requester.clone());
            return Admission::Run(job);
        }
        let (total, of_one) = self.max_queued;
        let queued = self.queued.iter().filter(|other| other.requester == job.requester).count();
        if self.queued.len() < total && queued < of_one {
            self.queued.push_back(job);
            return Admission::Queued;
        }
        let is_told = self.refused.len() < MAX_REFUSED && self.refused.insert(job.requester.clone());
        if is_told { Admission::Refused(job.requester) } else { Admission::RefusedAgain }
    }

    /// Removes the running job of `requester`. Returns the next job to run.
    pub(crate) fn finish(&mut self, requester: &Requester) -> Option<Job> {
        self.running.remove(requester);
        self.refused.clear();
        let next = self.queued.iter().position(|job| !self.running.contains(&job.requester))?;
        let job = self.queued.remove(next)?;
        self.running.insert(job.requester.clone());
        Some(job)
    }
}

/// How many jobs may wait in total.
const MAX_QUEUED: usize = 64;
/// How many jobs of one requester may wait, so that one person cannot fill the queue.
const MAX_QUEUED_OF_ONE: usize = 8;
/// How many requesters are told that the queue is full, until a job ends.
const MAX_REFUSED: usize = 1024;

#[cfg(test)]
mod tests {
    use chat_core::{PersonName, RoomName};

    use super::*;

    fn job(who: &str, text: &str) -> Job {
        let (room, person) = (RoomName::inbox(), PersonName::parse(who).unwrap());
        Job { requester: Requester { room, person }, text: text.to_owned() }
    }

    #[test]
    fn the_limit_holds_and_jobs_of_one_requester_run_in_order() {
        let mut queue = JobQueue::new(2);
        assert_eq!(queue.submit(job("ana", "1")), Admission::Run(job("ana", "1")));
        assert_eq!(queue.submit(job("ana", "2")), Admission::Queued);
        assert_eq!(queue.submit(job("bob", "1")), Admission::Run(job("bob", "1")));
        assert_eq!(queue.submit(job("cleo", "1")), Admission::Queued);
        assert_eq!(
            queue.finish(&job("bob", "").requester),
            Some(job("cleo", "1")),
            "a job of ana is still running"
        );
        assert_eq!(queue.finish(&job("ana", "").requester), Some(job("ana", "2")));
        assert_eq!(queue.finish(&job("ana", "").requester), None);
    }

    #[test]
    fn a_requester_is_told_once_that_the_queue_is_full() {
        let mut queue = JobQueue::new(1);
        assert!(matches!(queue.submit(job("ana", "0")), Admission::Run(_)));
        for _ in 0..MAX_QUEUED_OF_ONE {
            assert_eq!(queue.submit(job("ana", "1")), Admission::Queued);
        }
        assert_eq!(queue.submit(job("ana", "2")), Admission::Refused(job("ana", "").requester));
        assert_eq!(queue.submit(job("ana", "3")), Admission::RefusedAgain);
        assert_eq!(queue.submit(job("bob", "1")), Admission::Queued, "the limit is per requester");
        for who in 0..MAX_QUEUED {
            queue.submit(job(&format!("p{who}"), "1"));
        }
        assert_eq!(queue.submit(job("dan", "1")), Admission::Refused(job("dan", "").requester));
        assert_eq!(queue.finish(&job("ana", "").requester), Some(job("ana", "1")));
        assert_eq!(queue.submit(job("ana", "2")), Admission::Queued, "one place is free again");
    }

    #[test]
    fn without_a_queue_no_job_waits() {
        let mut queue = JobQueue::without_queue(1);
        assert!(matches!(queue.submit(job("ana", "1")), Admission::Run(_)));
        assert!(matches!(queue.submit(job("bob", "1")), Admission::Refused(_)));
        assert_eq!(queue.finish(&job("ana", "").requester), None);
        assert!(matches!(queue.submit(job("bob", "2")), Admission::Run(_)));
    }
}
