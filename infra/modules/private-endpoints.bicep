// Private endpoints of a storage account: blobs, queues and tables, which is all that Tether uses.

@description('Region of the subnet')
param location string

@description('Tags')
param tags object

@description('Name of the storage account')
param storageAccountName string

@description('Id of the storage account')
param storageAccountId string

@description('Id of the subnet for the endpoints')
param subnetId string

@description('Id of the resource group that holds the zones privatelink.blob, .queue and .table; empty: an Azure Policy, or somebody, makes the records')
param zonesGroupId string

var services = [
  'blob'
  'queue'
  'table'
]

var zonedServices = empty(zonesGroupId) ? [] : services

resource endpoints 'Microsoft.Network/privateEndpoints@2026-03-01' = [for service in services: {
  name: 'pe-${storageAccountName}-${service}'
  location: location
  tags: tags
  properties: {
    subnet: {
      id: subnetId
    }
    privateLinkServiceConnections: [
      {
        name: service
        properties: {
          privateLinkServiceId: storageAccountId
          groupIds: [
            service
          ]
        }
      }
    ]
  }
}]

resource zoneGroups 'Microsoft.Network/privateEndpoints/privateDnsZoneGroups@2026-03-01' = [for service in zonedServices: {
  name: 'pe-${storageAccountName}-${service}/default'
  properties: {
    privateDnsZoneConfigs: [
      {
        name: service
        properties: {
          privateDnsZoneId: '${zonesGroupId}/providers/Microsoft.Network/privateDnsZones/privatelink.${service}.${environment().suffixes.storage}'
        }
      }
    ]
  }
  dependsOn: [
    endpoints
  ]
}]
