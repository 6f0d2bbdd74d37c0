<resource schema="dc" resdir="rd">
	<meta name="creationDate">2026-11-29T12:00:00Z</meta>
	<meta name="title">The ledger of a collection</meta>
	<meta name="description">What imports note of the files of a collection; for stream tables of rd/tables.</meta>
	<meta name="subject">gamma-ray-astronomy</meta>

	<STREAM id="table">
		<table id="ledger" onDisk="True" primary="release_name,source_name">
			<meta name="description">What each source of this collection was at its last import, and what
				came of it (see ingest/ledger.py).</meta>
			<column name="release_name" type="text" required="True" description="The release"/>
			<column name="source_name" type="text" required="True"
				description="A file's path in the release, or the OBS_ID in an index; empty for the release"/>
			<column name="files" type="text" required="True"
				description="Name, size, version, use and checksum of its files (JSON)"/>
			<column name="context" type="text" required="True"
				description="Digest of configuration, code and whatever else shapes its rows"/>
			<column name="obs_id" type="text" description="The observation"/>
			<column name="outcome" type="text" required="True"
				description="published, stale (its rows are of a former version), failed, other (no observation) or
					release"/>
			<column name="shared" type="text"
				description="Shared files, and the rows about them that come from this source (JSON)"/>
			<column name="vanished" type="boolean" required="True"
				description="It was published, and is there no more"/>
			<column name="written" type="timestamp" required="True" description="When this was noted (UTC)"/>
			<column name="batch" type="text" required="True" description="The import that noted this"/>
			<column name="problem" type="text" description="Why it is not published as it is (JSON)"/>
			<column name="events" type="bigint" required="True" description="Number of its events"/>
			<column name="deviation_count" type="integer" required="True"
				description="Number of deviations from GADF"/>
			<column name="deviations" type="text" description="The first of these (JSON)"/>
		</table>
	</STREAM>
</resource>
