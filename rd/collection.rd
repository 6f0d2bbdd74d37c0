<resource schema="dc" resdir="rd">
	<meta name="creationDate">2026-11-23T12:00:00Z</meta>
	<meta name="title">Building blocks of a collection of Cherenkov data</meta>
	<meta name="description">Streams that a collection's RD replays: metadata, import, services; its tables are in rd/tables.
		Give collection, the name of the schema and of the folder below inputs.</meta>
	<meta name="subject">gamma-ray-astronomy</meta>

	<NXSTREAM id="metadata">
		<doc>Registry metadata from the configuration of the collection's releases.</doc>
		<LOOP>
			<codeItems>
				from rd import metadata
				yield from metadata.items("\collection")
			</codeItems>
			<events>
				<meta name="\\name">\\value</meta>
			</events>
		</LOOP>
		<meta name="contentLevel">research</meta>
		<meta name="type">archive</meta>
		<meta name="coverage.waveband">Gamma-ray</meta>
	</NXSTREAM>

	<NXSTREAM id="coverage">
		<doc>Coverage in space, time and energy; to be replayed after the tables.</doc>
		<coverage>
			<updater sourceTable="obscore" spaceTable="fields" mocOrder="6"/>
		</coverage>
	</NXSTREAM>

	<NXSTREAM id="analyzed">
		<doc>What planners need of a table that was not fed row by row; to be replayed in a make.</doc>
		<script name="take statistics" type="postCreation" lang="SQL">ANALYZE \\qName</script>
	</NXSTREAM>

	<NXSTREAM id="import">
		<doc>The import: one pass over the release's files feeds all tables. The rows come by COPY,
			before the indexes are made, or from the grammar if DaCHS is to do it in its own way (setting
			fast_paths). "update" brings tables up to date that are there already.</doc>
		<data id="import">
			<sources items="releases"/>
			<embeddedGrammar isDispatching="True">
				<iterator>
					<code>
						from rd import metadata
						yield from metadata.rows("\collection")
					</code>
				</iterator>
			</embeddedGrammar>
			<make table="obscore" role="observation">
				<rowmaker idmaps="*">
					<map key="s_region">pgsphere.SPoly.fromDALI(@s_region) if @s_region else None</map>
					<map key="obs_release_date">@obs_release_date and datetime.datetime.combine(
						@obs_release_date, datetime.time())</map>
					<map key="source_table">"\collection.obscore"</map>
				</rowmaker>
				<script name="fill all tables" type="sourceDone" lang="python">
					from rd import loading
					loading.load(table, "\collection")
				</script>
				<FEED source="rd/collection#analyzed"/>
			</make>
			<make table="companions" role="companion">
				<rowmaker idmaps="*">
					<map key="s_region">pgsphere.SPoly.fromDALI(@s_region) if @s_region else None</map>
					<map key="obs_release_date">@obs_release_date and datetime.datetime.combine(
						@obs_release_date, datetime.time())</map>
					<map key="source_table">"\collection.companions"</map>
				</rowmaker>
				<FEED source="rd/collection#analyzed"/>
			</make>
			<make table="links" role="link">
				<FEED source="rd/collection#analyzed"/>
			</make>
			<make table="provenance" role="provenance">
				<FEED source="rd/collection#analyzed"/>
			</make>
			<make table="ledger" role="none">
				<FEED source="rd/collection#analyzed"/>
			</make>
			<make table="fields" role="none"/>
			<make table="datalinks" role="none"/>
		</data>

		<data id="update" auto="False" updating="True">
			<sources items="releases"/>
			<nullGrammar/>
			<make table="obscore">
				<script name="change all tables" type="sourceDone" lang="python">
					from rd import loading
					loading.update(table, "\collection")
				</script>
			</make>
			<LOOP listItems="companions links provenance ledger">
				<events>
					<make table="\\item"/>
				</events>
			</LOOP>
		</data>
	</NXSTREAM>

	<NXSTREAM id="services">
		<doc>Cone search (and form), DataLink, and the files cut out of runs.</doc>
		<service id="cone" allowed="scs.xml,form">
			<meta name="title">\metaString{title}: Cone Search</meta>
			<meta name="shortName">\metaString{shortName} SCS</meta>
			<meta name="description">Finds observations by their pointing position.
				\metaString{description}</meta>
			<meta name="maxSR">90</meta>
			<FEED source="rd/collection#cone-example" collection="\collection"/>
			<publish render="scs.xml" sets="ivo_managed"/>
			<publish render="form" sets="local,ivo_managed"/>
			<scsCore queriedTable="obscore">
				<FEED source="//scs#coreDescs"/>
				<LOOP listItems="target_name obs_id t_min energy_max">
					<events>
						<condDesc buildFrom="\\item"/>
					</events>
				</LOOP>
			</scsCore>
			<!-- What people see in the form's results; cone search clients get every column. -->
			<outputTable>
				<outputField original="obs_id"/>
				<outputField original="target_name"/>
				<outputField original="s_ra" displayHint="sf=4"/>
				<outputField original="s_dec" displayHint="sf=4"/>
				<outputField original="//scs#distCol"/>
				<outputField original="t_min" tablehead="Start (TT)" unit="" displayHint="">
					<formatter>
						from rd import metadata
						return metadata.date_and_time(data)
					</formatter>
				</outputField>
				<outputField original="t_exptime" tablehead="Live time" displayHint="sf=0"/>
				<outputField original="ev_xel" tablehead="Events"/>
				<outputField original="energy_min" tablehead="From" displayHint="displayUnit=TeV,sf=2"/>
				<outputField original="energy_max" tablehead="To" displayHint="displayUnit=TeV,sf=0"/>
				<outputField original="s_fov" displayHint="sf=1"/>
				<outputField original="obs_mode" tablehead="Mode"/>
				<outputField original="event_type" tablehead="Events of type"/>
				<outputField original="access_url" tablehead="File"/>
				<outputField original="obs_publisher_did" tablehead="All files">
					<formatter>
						from rd import metadata
						return metadata.links_for_people("\collection", data, "Links")
					</formatter>
				</outputField>
				<outputField name="thumbnail" type="text" wantsRow="True" tablehead="Counts map"
						description="Counts map in small; it leads to all files"
						select="CASE WHEN preview IS NULL THEN NULL WHEN obs_release_date &lt;=
							CURRENT_TIMESTAMP AT TIME ZONE 'UTC' OR (obs_release_date IS NULL AND
							data_rights = 'public') THEN preview ELSE '' END">
					<formatter>
						from rd import metadata
						return metadata.thumbnail("\collection", data)
					</formatter>
				</outputField>
			</outputTable>
		</service>

		<service id="dl" allowed="dlmeta">
			<meta name="title">\metaString{title}: DataLink</meta>
			<meta name="shortName">\metaString{shortName} DL</meta>
			<meta name="description">Leads from an observation to its event list, its instrument
				responses, the complete file and its provenance; and from any other data set to its file.
				IDs are obs_publisher_did; obs_id works, too.</meta>
			<datalinkCore>
				<descriptorGenerator>
					<code>
						from datalink import service
						return service.describe("\collection", pubDID, args)
					</code>
				</descriptorGenerator>
				<metaMaker>
					<code>
						from datalink import service
						yield from service.links(descriptor)
					</code>
				</metaMaker>
			</datalinkCore>
		</service>

		<LOOP>
			<codeItems>
				from rd import metadata
				metadata.serve_links_fast("\collection")
				yield from ()
			</codeItems>
			<events/>
		</LOOP>

		<service id="page" allowed="custom" customPage="../rd/links_page">
			<meta name="title">\metaString{title}: Links for people</meta>
			<meta name="shortName">\metaString{shortName} LP</meta>
			<meta name="description">A page with all links of data sets, and forms to select events; for
				people, as the DataLink service is for programs.</meta>
			<nullCore/>
		</service>

		<service id="file" allowed="custom" customPage="../rd/file_page">
			<meta name="title">\metaString{title}: Files</meta>
			<meta name="description">Delivers the files of the release, event lists and responses as FITS
				files of their own, and provenance documents.</meta>
			<nullCore/>
		</service>
	</NXSTREAM>

	<NXSTREAM id="cone-example">
		<doc>A position that the registry may test the cone search with: the first observation's.</doc>
		<LOOP>
			<codeItems>
				from rd import metadata
				yield from metadata.example("\collection")
			</codeItems>
			<events>
				<meta name="testQuery">
					<meta name="ra">\\ra</meta>
					<meta name="dec">\\dec</meta>
					<meta name="sr">0.1</meta>
				</meta>
			</events>
		</LOOP>
	</NXSTREAM>
</resource>
