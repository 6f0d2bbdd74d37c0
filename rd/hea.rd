<resource schema="ivoa" resdir="rd">
	<meta name="creationDate">2026-11-23T12:00:00Z</meta>
	<meta name="title">\getConfig{web}{siteName} High-Energy Extension of ObsCore</meta>
	<meta name="description">Metadata special to high-energy observations, for the data sets in this
		site's ObsCore table: numbers of events, energies, time coverage and observing modes.</meta>
	<meta name="subject">gamma-ray-astronomy</meta>
	<meta name="subject">cherenkov-detectors</meta>

	<STREAM id="columns">
		<doc>The columns of the High-Energy extension, from columns.csv.</doc>
		<LOOP>
			<codeItems>
				from ingest import columns
				yield from columns.rd_items("hea", integers=True)
			</codeItems>
			<events>
				<column name="\name" type="\type" unit="\unit" ucd="\ucd" utype="\utype"
						description="\description">
					<property name="std">1</property>
					<values nullLiteral="-1"/>
				</column>
			</events>
		</LOOP>
		<LOOP>
			<codeItems>
				from ingest import columns
				yield from columns.rd_items("hea")
			</codeItems>
			<events>
				<column name="\name" type="\type" unit="\unit" ucd="\ucd" utype="\utype"
						description="\description">
					<property name="std">1</property>
				</column>
			</events>
		</LOOP>
	</STREAM>

	<table id="obscore_hea" onDisk="True" adql="True" system="True" primary="obs_publisher_did">
		<meta name="description">The High-Energy extension of ObsCore: one row for each row of
			ivoa.obscore that comes from a high-energy instrument. Join the two with
			a NATURAL JOIN.</meta>
		<meta name="shortName">HEA ObsCore</meta>
		<property key="forceStats">True</property>
		<foreignKey inTable="//obscore#ObsCore" source="obs_publisher_did" metaOnly="True"/>
		<register/>
		<column original="//obscore#ObsCore.obs_publisher_did"/>
		<FEED source="columns"/>
		<viewStatement>CREATE VIEW \qName AS (SELECT 0)</viewStatement>
	</table>

	<FEED source="rd/unions#view" view_name="obscore_hea" rd_id="rd/hea"/>

	<mixinDef id="publish">
		<doc>Makes a table that has obs_publisher_did and the columns of the High-Energy extension feed
			ivoa.obscore_hea. Use it together with one of the //obscore mixins.</doc>
		<events>
			<FEED source="rd/unions#mixin-scripts" view="rd/hea#obscore_hea"/>
		</events>
	</mixinDef>

	<coverage fallbackTo="__system__/obscore"/>
</resource>
