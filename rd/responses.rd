<resource schema="ivoa" resdir="rd">
	<meta name="creationDate">2026-11-23T12:00:00Z</meta>
	<meta name="title">\getConfig{web}{siteName} Instrument Responses</meta>
	<!-- TAP_SCHEMA takes the description of a schema from the RD that was imported last; so this one is about
		the whole schema. -->
	<meta name="description">The IVOA-defined ObsCore table with its High-Energy extension, and which
		instrument responses belong to which event list: effective areas, energy dispersions, point
		spread functions and background rates, with the energies that they cover.</meta>
	<meta name="subject">gamma-ray-astronomy</meta>
	<meta name="subject">cherenkov-detectors</meta>

	<STREAM id="columns">
		<doc>The columns of these tables, from columns.csv.</doc>
		<LOOP>
			<codeItems>
				from ingest import columns
				yield from columns.rd_items("response")
			</codeItems>
			<events>
				<column name="\name" type="\type" unit="\unit" ucd="\ucd" utype="\utype"
					description="\description"/>
			</events>
		</LOOP>
	</STREAM>

	<NXSTREAM id="response-table">
		<doc>One of these tables. Give table_name, what (the kind of responses, for people) and short (the
			short name).</doc>
		<table id="\table_name" onDisk="True" adql="True" system="True"
				primary="obs_publisher_did,resp_publisher_did">
			<meta name="title">\getConfig{web}{siteName}: \what</meta>
			<meta name="description">\what and the event lists that they belong to, one row for each pair: a
				response may be shared by many event lists. Position, region and times are those of
				the event list. Join it with ivoa.obscore by obs_publisher_did.</meta>
			<meta name="shortName">\short</meta>
			<property key="forceStats">True</property>
			<foreignKey inTable="//obscore#ObsCore" source="obs_publisher_did" metaOnly="True"/>
			<register/>
			<FEED source="rd/responses#columns"/>
			<viewStatement>CREATE VIEW \\qName AS (SELECT 0)</viewStatement>
		</table>
		<FEED source="rd/unions#view" view_name="\table_name" rd_id="rd/responses"/>
	</NXSTREAM>

	<FEED source="response-table" table_name="response" what="Instrument responses" short="Responses"/>
	<FEED source="response-table" table_name="response_aeff" what="Effective areas" short="Eff. areas"/>
	<FEED source="response-table" table_name="response_edisp" what="Energy dispersions" short="Energy disp."/>
	<FEED source="response-table" table_name="response_psf" what="Point spread functions" short="PSFs"/>
	<FEED source="response-table" table_name="response_bkgrate" what="Background rates" short="Backgrounds"/>

	<mixinDef id="publish">
		<doc>Makes a collection feed ivoa.response and its kin. Mix it into the last table that is made,
			its view datalinks; what is read are its tables obscore, companions and links.</doc>
		<events>
			<FEED source="rd/unions#mixin-scripts" view="rd/responses#response"
				arguments=", **unions.response_source(table)"/>
			<FEED source="rd/unions#mixin-scripts" view="rd/responses#response_aeff"
				arguments=", **unions.response_source(table, 'aeff')"/>
			<FEED source="rd/unions#mixin-scripts" view="rd/responses#response_edisp"
				arguments=", **unions.response_source(table, 'edisp')"/>
			<FEED source="rd/unions#mixin-scripts" view="rd/responses#response_psf"
				arguments=", **unions.response_source(table, 'psf')"/>
			<FEED source="rd/unions#mixin-scripts" view="rd/responses#response_bkgrate"
				arguments=", **unions.response_source(table, 'bkgrate')"/>
		</events>
	</mixinDef>

	<coverage fallbackTo="__system__/obscore"/>
</resource>
