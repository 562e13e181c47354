-- The records with open conflicts in the order of their scopes, so that whoever settles
-- those of one province looks at no other's.
CREATE INDEX records_rivals ON records (place) WHERE open > 0;
