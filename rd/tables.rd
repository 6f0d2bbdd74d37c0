<resource schema="dc" resdir="rd">
	<meta name="creationDate">2026-11-23T12:00:00Z</meta>
	<meta name="title">Tables of a collection of Cherenkov data</meta>
	<meta name="description">The stream tables that a collection's RD replays. Give collection, the name of
		the schema.</meta>
	<meta name="subject">gamma-ray-astronomy</meta>

	<NXSTREAM id="obscore-mixin">
		<doc>Feeds ivoa.obscore. Give access, what follows yield in Python code that makes SQL expressions for
			the access columns: url, format and size.</doc>
		<LOOP>
			<codeItems>
				from rd import metadata
				yield \access
			</codeItems>
			<events>
				<mixin
					access_url="\\url"
					access_format="\\format"
					access_estsize="\\size"
					obs_creator_name="obs_creator_name"
					obs_release_date="obs_release_date"
					bib_reference="bib_reference"
					preview="preview"
					data_rights="CASE WHEN obs_release_date &lt;= CURRENT_TIMESTAMP AT TIME ZONE 'UTC' THEN 'public'
						ELSE data_rights END"
					publisher_id="publisher_id"
					s_calib_status="s_calib_status"
					t_calib_status="t_calib_status"
					em_calib_status="em_calib_status"
					em_resolution="em_resolution"
					proposal_id="proposal_id"
					>//obscore#publishObscoreLike</mixin>
			</events>
		</LOOP>
		<mixin>rd/hea#publishLike</mixin>
	</NXSTREAM>

	<NXSTREAM id="tables">
		<doc>The tables of a collection. obscore has one row for each event list, companions one for each
			other data set, links one for each pair of event list and data set. datalinks must be the
			last one that is made: it takes responses and links to the site's tables.</doc>
		<table id="obscore" onDisk="True" adql="True" primary="obs_publisher_did">
			<meta name="description">All observations of \metaString{title}: ObsCore with the High-Energy
				extension, GADF's own keywords and the sky during the observation, one row for each
				event list. access_url leads to the file with events and responses, or to the DataLink
				document with all parts, as access_format says. Times are MJD in TT.</meta>
			<meta name="_associatedDatalinkService">
				<meta name="serviceId">dl</meta>
				<meta name="idColumn">obs_publisher_did</meta>
			</meta>
			<property key="forceStats">True</property>
			<register/>
			<!-- Before the mixins', because DaCHS's script commits. -->
			<script name="leave all views with all tables" lang="python" type="beforeDrop">
				from rd import loading
				loading.replace(table, "\collection")
			</script>
			<!-- Before DaCHS's makes ivoa.obscore anew. -->
			<script name="have all views alone" lang="python" type="postCreation">
				from rd import unions
				unions.hold(table.connection, unions.site_views(table.connection))
			</script>
			<FEED source="rd/tables#obscore-mixin" access="metadata.obscore_access('\collection')[0]"/>
			<script name="publish the files in rows of their own" lang="python" type="afterMeta">
				from rd import metadata, unions
				unions.join_obscore_again(table, *metadata.obscore_access("\collection"))
			</script>
			<column name="file_url" type="text" hidden="True"
				description="URL of the complete file, wherever access_url leads"/>
			<column name="file_format" type="text" hidden="True"
				description="Media type of the complete file"/>
			<column name="file_estsize" type="bigint" unit="kbyte" hidden="True"
				description="Size of the complete file"/>
			<FEED source="rd/functions#position-indexes"/>
			<FEED source="rd/functions#indexes"/>
			<LOOP listItems="obs_id target_name obs_collection t_min t_max em_min em_max energy_min energy_max">
				<events>
					<index columns="\\item"/>
				</events>
			</LOOP>
			<stc>Polygon ICRS [s_region]</stc>
			<stc>Position ICRS "s_ra" "s_dec"</stc>
			<FEED source="rd/times#annotation"/>
			<FEED source="rd/datasets#obscore-columns" plain="main-obscore-columns"/>
			<FEED source="rd/datasets#context-columns"/>
		</table>

		<table id="companions" onDisk="True" adql="True" primary="obs_publisher_did">
			<meta name="title">\metaString{title}: responses and bundles</meta>
			<meta name="description">The data sets beside the event lists of \metaString{title}: instrument
				responses, and files with everything of an observation, as in ivoa.obscore. A response
				has no position and no time; ivoa.response says which event lists it belongs
				to. Times are MJD in TT.</meta>
			<meta name="_associatedDatalinkService">
				<meta name="serviceId">dl</meta>
				<meta name="idColumn">obs_publisher_did</meta>
			</meta>
			<property key="forceStats">True</property>
			<register/>
			<FEED source="rd/tables#obscore-mixin" access="metadata.OWN_ACCESS"/>
			<FEED source="rd/functions#position-indexes"/>
			<FEED source="rd/functions#indexes"/>
			<LOOP listItems="obs_id dataproduct_type target_name obs_collection t_min t_max em_min em_max">
				<events>
					<index columns="\\item"/>
				</events>
			</LOOP>
			<LOOP listItems="energy_min energy_max access_path">
				<events>
					<index columns="\\item"/>
				</events>
			</LOOP>
			<stc>Polygon ICRS [s_region]</stc>
			<stc>Position ICRS "s_ra" "s_dec"</stc>
			<FEED source="rd/times#annotation"/>
			<FEED source="rd/datasets#obscore-columns" plain="plain-obscore-columns"/>
			<FEED source="rd/datasets#file-columns"/>
		</table>
		<LOOP>
			<codeItems>
				from rd import metadata, unions
				if metadata.fast_paths():
					unions.without_commits(context.getById("obscore"))
				unions.without_commits(context.getById("companions"))
				yield from ()
			</codeItems>
			<events/>
		</LOOP>

		<table id="links" onDisk="True" primary="id,dataset">
			<meta name="description">Event lists of this collection and the data sets that they lead
				to.</meta>
			<FEED source="rd/unions#leave-scripts"/>
			<LOOP listItems="obs_id dataset access_path">
				<events>
					<index columns="\\item"/>
				</events>
			</LOOP>
			<column name="id" type="text" required="True" ucd="meta.ref.ivoid"
				description="The event list (obs_publisher_did)"/>
			<column name="obs_id" type="text" required="True" ucd="meta.id"
				description="The observation of the event list"/>
			<column name="dataset" type="text" required="True" ucd="meta.ref.ivoid"
				description="The data set that the link leads to (obs_publisher_did)"/>
			<column name="semantics" type="text" ucd="meta.code"
				description="Relation to the event list, as DataLink has it"/>
			<column name="content_qualifier" type="text" ucd="meta.code.class"
				description="Kind of the data set"/>
			<column name="content_type" type="text" ucd="meta.code.mime"
				description="Media type of the file"/>
			<column name="description" type="text" ucd="meta.note" description="What the file is"/>
			<FEED source="rd/datasets#file-columns"/>
			<column name="archive_length" type="bigint" unit="byte" ucd="phys.size;meta.file"
					description="Size of the archive with all of an event list, for somebody who may have it; only
						in the event list's own row">
				<values nullLiteral="-1"/>
			</column>
			<FEED source="rd/datasets#lengths-basis"/>
		</table>

		<table id="provenance" onDisk="True" primary="obs_id">
			<meta name="description">What is known of the origin of the data sets of an observation, or of a
				file that observations share.</meta>
			<FEED source="rd/unions#leave-scripts"/>
			<index columns="path_stem"/>
			<column name="obs_id" type="text" required="True" ucd="meta.id;meta.main"
				description="The observation or the shared file, as obs_id of its data sets"/>
			<column name="dataset" type="text" required="True" ucd="meta.ref.ivoid"
				description="What the documents are about"/>
			<column name="path_stem" type="text" required="True" ucd="meta.ref.url"
				description="Path of the documents from the server's root, without their suffix"/>
			<column name="facts" type="text" required="True" ucd="meta.note"
				description="JSON that the documents are made from"/>
			<column name="release_date" type="date" ucd="time.release"
				description="Day from which the data sets are public; their provenance always is"/>
			<column name="json_length" type="bigint" unit="byte" ucd="phys.size;meta.file"
					description="Size of the PROV-JSON document">
				<values nullLiteral="-1"/>
			</column>
			<column name="votable_length" type="bigint" unit="byte" ucd="phys.size;meta.file"
					description="Size of the PROV-VOTable document">
				<values nullLiteral="-1"/>
			</column>
			<FEED source="rd/datasets#lengths-basis"/>
		</table>

		<FEED source="rd/ledger#table"/>

		<table id="fields" onDisk="True">
			<meta name="description">The fields of view of this collection. DaCHS takes the sky coverage from
				here: from a table that is fit for cone searches it would take the positions alone.</meta>
			<column name="s_region" type="spoly" description="Field of view"/>
			<viewStatement>CREATE VIEW \\qName AS (SELECT s_region FROM \collection.obscore)</viewStatement>
		</table>

		<table id="datalinks" onDisk="True">
			<meta name="description">The rows of all DataLink documents of this collection.</meta>
			<mixin>rd/links#publish</mixin>
			<mixin>rd/responses#publish</mixin>
			<column name="id" type="text" description="The data set that has the link (obs_publisher_did)"/>
			<LOOP listItems="obs_id dataset semantics content_qualifier content_type">
				<events>
					<column original="links.\\item"/>
				</events>
			</LOOP>
			<LOOP listItems="content_length description access_path release_date access_groups">
				<events>
					<column original="links.\\item"/>
				</events>
			</LOOP>
			<column name="local_semantics" type="text" ucd="meta.code"
				description="Which of several links of the same semantics it is"/>
			<viewStatement>
				CREATE VIEW \\qName AS (
					SELECT id, obs_id, dataset, semantics, content_qualifier, content_type,
						content_length, description, access_path, release_date, access_groups,
						CAST(NULL AS text) AS local_semantics
					FROM \collection.links
				UNION ALL
					SELECT obs_publisher_did, obs_id, obs_publisher_did, '#this', dataproduct_type, access_format,
						content_length, obs_title, access_path, release_date, access_groups, NULL
					FROM \collection.companions
				UNION ALL
					SELECT l.id, l.obs_id, l.id, p.semantics, 'preview', 'image/png', NULL,
						p.name || ': ' || l.description, left(l.access_path, -5) || p.suffix,
						l.release_date, l.access_groups, p.local_semantics
					FROM \collection.links AS l
					CROSS JOIN (VALUES
						('#preview-image', 'Counts map', '_counts-map.png', '#counts-map'),
						('#preview-plot', 'Counts over energy', '_energy-spectrum.png', '#energy-spectrum'),
						('#preview-plot', 'Event rate over time', '_event-rate.png', '#event-rate'),
						('#thumbnail', 'Small counts map', '_counts-map-small.png', '#counts-map')
					) AS p(semantics, name, suffix, local_semantics)
					WHERE l.semantics = '#this'
				UNION ALL
					SELECT c.obs_publisher_did, c.obs_id, c.obs_publisher_did, p.semantics, 'preview', 'image/png',
						NULL, p.name || ': ' || c.obs_title, left(c.access_path, -5) || p.suffix,
						c.release_date, c.access_groups, '#' || c.dataproduct_type
					FROM \collection.companions AS c
					CROSS JOIN (VALUES
						('#preview-plot', 'Picture', '.png'), ('#thumbnail', 'Small picture', '-small.png')
					) AS p(semantics, name, suffix)
					WHERE c.ev_xel IS NULL
				UNION ALL
					SELECT l.id, l.obs_id, NULL, '#package', NULL, 'application/x-tar', NULL,
						'Everything of the observation with index tables, terms of use and provenance (tar)',
						'/rd/access/bundle/custom?ID=' || gavo_urlescape(l.id),
						l.release_date, l.access_groups, '#tar'
					FROM \collection.links AS l
					WHERE l.semantics = '#package'
				UNION ALL
					SELECT d.id, p.obs_id, NULL, '#documentation', NULL, f.content_type,
						NULL, 'Provenance of ' || d.title || ' (' || f.name || ')', p.path_stem || f.suffix,
						CAST(NULL AS date), NULL, NULL
					FROM \collection.provenance AS p
					JOIN (
						SELECT obs_id, obs_publisher_did AS id, obs_title AS title FROM \collection.obscore
						UNION ALL
						SELECT obs_id, obs_publisher_did, obs_title FROM \collection.companions
					) AS d ON d.obs_id = p.obs_id
					CROSS JOIN (VALUES
						('W3C PROV-JSON', '.json', 'application/json'),
						('IVOA PROV-VOTable', '.xml', 'application/x-votable+xml')
					) AS f(name, suffix, content_type)
				)
			</viewStatement>
		</table>
	</NXSTREAM>
</resource>
