<resource schema="datalink" resdir="rd">
	<meta name="creationDate">2026-11-23T12:00:00Z</meta>
	<meta name="title">\getConfig{web}{siteName} DataLink Table</meta>
	<meta name="description">The rows of this site's DataLink documents as a table, so that one query finds
		data sets and the files that belong to them, such as all point spread functions near
		a position.</meta>
	<meta name="subject">gamma-ray-astronomy</meta>
	<meta name="subject">cherenkov-detectors</meta>

	<STREAM id="columns">
		<doc>The columns of the DataLink {links} response, DataLink 1.1 table 1. Names are in lower case,
			as the database has them and TAP_SCHEMA shows them.</doc>
		<LOOP>
			<codeItems>
				for column in base.resolveCrossId("//datalink#dlresponse"):
					yield {"original": column.name, "name": column.name.lower()}
			</codeItems>
			<events>
				<column original="//datalink#dlresponse.\original" name="\name"/>
			</events>
		</LOOP>
	</STREAM>

	<table id="response" onDisk="True" adql="True" system="True">
		<meta name="description">All links of all data sets, one row each, with the columns of a DataLink
			document. ID is the obs_publisher_did of ivoa.obscore.</meta>
		<meta name="shortName">DataLink rows</meta>
		<property key="forceStats">True</property>
		<register/>
		<foreignKey inTable="//obscore#ObsCore" source="id" dest="obs_publisher_did" metaOnly="True"/>
		<FEED source="columns"/>
		<viewStatement>CREATE VIEW \qName AS (SELECT 0)</viewStatement>
	</table>

	<FEED source="rd/unions#view" view_name="response" rd_id="rd/links"/>

	<mixinDef id="publish">
		<doc>Makes the view datalinks of a collection feed datalink.response. It has the columns of a
			DataLink document, but access_path, the path from the server's root, in place of
			access_url.</doc>
		<events>
			<FEED source="rd/unions#mixin-scripts" view="rd/links#response"
				arguments=", dict(access_url=&quot;'\getConfig{web}{serverURL}' || access_path&quot;,
					service_def='NULL', error_message='NULL'),
					reads=unions.collection_tables(table)"/>
			<FEED source="rd/unions#leave-scripts"/>
		</events>
	</mixinDef>
</resource>
