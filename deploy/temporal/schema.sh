#!/bin/sh
# Brings Temporal's two databases to the version of this image's tools. It can run any number of times: setting up what is
# set up changes nothing.
set -eu

for database in temporal visibility; do
	name=temporal
	[ "$database" = temporal ] || name=temporal_visibility
	temporal-sql-tool --db "$name" setup-schema -v 0.0
	temporal-sql-tool --db "$name" update-schema --schema-name "postgresql/v12/$database"
done
