//! The last search, which can go on further back.

use std::borrow::Cow;

use chat_core::{
    wire::{self, Found, RequestBody},
    words::Query,
};

use super::Conversation;
use crate::{
    command::CommandName,
    notice::{Notice, Purpose},
};

/// What was searched for last.
#[derive(Debug)]
pub(super) struct Search {
    words: String,
    query: Query,
    /// The request whose answer has not come yet.
    tag: Option<u64>,
    /// Where the search goes on.
    more: Option<u64>,
    /// Whether the page asked for is not the first one.
    goes_on: bool,
}

impl Conversation {
    /// Searches for `words`, or goes on with the last search; `limit` is how many entries one page has.
    ///
    /// # Errors
    /// Why there is nothing to ask for.
    pub fn search(&mut self, words: Option<&str>, limit: u64) -> Result<(), Notice> {
        if let Some(words) = words {
            let query = Query::parse(words).map_err(|why| Notice::CannotSearch { why })?;
            self.search =
                Some(Search { words: words.to_owned(), query, tag: None, more: None, goes_on: false });
        } else {
            match &mut self.search {
                None => return Err(Notice::Usage(CommandName::Search)),
                Some(search) if search.tag.is_some() => return Err(Notice::StillSearching),
                Some(search) if search.more.is_none() => return Err(Notice::NothingOlderFound),
                Some(search) => search.goes_on = true,
            }
        }
        let Some(search) = &mut self.search else { return Ok(()) };
        let words = Cow::Owned(search.words.clone());
        let request =
            wire::Search { words, before: search.more, limit: Some(limit), ..wire::Search::default() };
        search.tag = Some(self.requests.ask(RequestBody::Search(request), Purpose::Search));
        Ok(())
    }

    /// Whether the last search can go on further back now.
    pub fn can_search_on(&self) -> bool {
        self.search.as_ref().is_some_and(|search| search.tag.is_none() && search.more.is_some())
    }

    /// Takes what the request `tag` has found, if it is the last search's.
    pub(super) fn found(&mut self, tag: u64, found: Found) -> Option<Notice> {
        let search = self.search.as_mut().filter(|search| search.tag == Some(tag))?;
        (search.tag, search.more) = (None, found.more);
        let (query, goes_on) = (search.query.clone(), search.goes_on);
        Some(Notice::Found { query, entries: found.entries, more: found.more, goes_on })
    }

    /// The request `tag` has found nothing, as it was refused or stays without an answer.
    pub(super) fn search_failed(&mut self, tag: u64) {
        if let Some(search) = self.search.as_mut().filter(|search| search.tag == Some(tag)) {
            search.tag = None;
        }
    }
}
